import pytest
import torch

from models.classify.tcn import Tcn, TcnConfig, build


@pytest.mark.parametrize("causal", [False, True])
def test_frames_go_by_the_stride_and_nothing_else(causal: bool) -> None:
    for stride in (1, 2, 4):
        encoder = Tcn(TcnConfig(time_stride=stride, channels=8, causal=causal), rows=40)
        assert encoder.stride == stride
        assert encoder(torch.randn(2, 40, 96)).shape == (2, 8, 96 // stride)


def test_a_framewise_network_answers_at_every_frame() -> None:
    live = build(TcnConfig.model_validate({"outputs": 2, "causal": True, "head": {"kind": "framewise"}})).eval()
    assert live.framewise
    assert live.frame == 320
    assert live(torch.randn(3, 16_000)).shape == (3, 50, 2)
    assert sum(parameter.numel() for parameter in live.parameters()) < 100_000


def test_it_sees_as_far_back_as_it_says() -> None:
    config = TcnConfig(causal=True, dropout=0)
    encoder = Tcn(config, rows=40).eval()
    feat_BFT = torch.randn(1, 40, 400, requires_grad=True)
    encoder(feat_BFT)[0, :, -1].sum().backward()
    seen = feat_BFT.grad.abs().sum((0, 1)).nonzero()[0].item()
    reach = 2 * sum((config.kernel - 1) * dilation for dilation in config.dilations) + 5
    assert 400 - seen == reach
    assert reach * config.features.hop_ms == pytest.approx(2530)


def test_a_window_must_hold_two_frames() -> None:
    with pytest.raises(ValueError, match="two frames"):
        TcnConfig(causal=True, window_ms=30)
