import torch
from torch import nn

from models.extract.masked import MaskedBatchNorm, mean_and_deviation, real_frames


def test_first_frames_are_real() -> None:
    assert real_frames(torch.tensor([0, 2, 3]), 3, torch.zeros(1)).tolist() == [[0, 0, 0], [1, 1, 0], [1, 1, 1]]


def test_statistics_are_those_of_real_frames() -> None:
    x_BTC = torch.randn(2, 9, 4)
    wanted_BC = torch.stack(
        [torch.cat([row[:n].mean(0), row[:n].std(0, unbiased=False)]) for row, n in zip(x_BTC, (5, 9), strict=True)]
    )
    real_BT = real_frames(torch.tensor([5, 9]), 9, x_BTC)
    assert torch.allclose(mean_and_deviation(x_BTC, real_BT), wanted_BC, atol=1e-5)


def test_without_padding_it_is_the_batch_norm_of_torch() -> None:
    ours, theirs, x_BCT = MaskedBatchNorm(4), nn.BatchNorm1d(4), 3 + 2 * torch.randn(2, 4, 9)
    assert torch.allclose(ours(x_BCT, torch.ones(2, 9)), theirs(x_BCT), atol=1e-5)
    for name, value in theirs.state_dict().items():
        assert torch.allclose(ours.state_dict()[name], value, atol=1e-5)
    assert torch.allclose(ours.eval()(x_BCT, torch.ones(2, 9)), theirs.eval()(x_BCT), atol=1e-5)


def test_padding_is_in_no_statistic() -> None:
    one, other, x_BCT = MaskedBatchNorm(4), MaskedBatchNorm(4), torch.randn(1, 4, 6)
    padded_BCT = torch.cat([x_BCT, torch.full((1, 4, 3), 100.0)], 2)
    y_BCT = other(padded_BCT, real_frames(torch.tensor([6]), 9, x_BCT))
    assert torch.allclose(y_BCT[..., :6], one(x_BCT, torch.ones(1, 6)), atol=1e-5)
    assert torch.allclose(one.running_var, other.running_var)
