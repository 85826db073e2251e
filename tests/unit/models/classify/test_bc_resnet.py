import pytest
import torch
from pydantic import ValidationError
from torch import nn

from models.classify.bc_resnet import BcResNet, BcResNetConfig, Block, SubSpectralNorm, build

PAPER = [
    # Kim et al. 2021, table 3 (in thousands, as printed) and what that is exactly.
    (1.0, 9.2, 9_232),
    (1.5, None, 17_154),
    (2.0, None, 27_284),
    (3.0, 54.2, 54_168),
    (6.0, None, 187_812),
    (8.0, 321.1, 321_068),
]


@pytest.mark.parametrize(("tau", "paper", "trained"), PAPER)
@pytest.mark.parametrize("causal", [False, True])
def test_parameters_of_the_paper(tau: float, paper: float | None, trained: int, causal: bool) -> None:
    model = build(BcResNetConfig(tau=tau, outputs=12, causal=causal))
    assert sum(parameter.numel() for parameter in model.parameters()) == trained
    if paper is not None:
        assert round(trained / 1000, 1) == paper


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("rows", [40, 80])
def test_every_frame_becomes_one_embedding(causal: bool, rows: int) -> None:
    encoder = BcResNet(BcResNetConfig(causal=causal), rows)
    assert encoder.stride == 1
    assert encoder(torch.randn(2, rows, 21)).shape == (2, 32, 21) == (2, encoder.channels, 21)


@pytest.mark.parametrize("features", [{"n_mels": 41}, {"kind": "mfcc", "n_mfcc": 13}, {"deltas": 1, "n_mels": 30}])
def test_rows_that_do_not_fit_are_refused_with_a_way_out(features: dict[str, object]) -> None:
    with pytest.raises(
        ValidationError, match=r"multiple of 40 feature rows, features give .*: use melspec with n_mels: 40"
    ):
        BcResNetConfig.model_validate({"features": features})


def test_window_must_hold_two_frames() -> None:
    with pytest.raises(ValidationError, match="two frames of 10 ms"):
        BcResNetConfig(causal=True, window_ms=19)


def test_each_band_of_a_channel_is_normalised_alone() -> None:
    norm = SubSpectralNorm(3).train()
    x_BCFT = torch.randn(4, 3, 10, 8) * torch.arange(1, 11)[:, None] + 5
    bands_BCSRT = norm(x_BCFT).unflatten(2, (5, 2))
    torch.testing.assert_close(bands_BCSRT.mean((0, 3, 4)), torch.zeros(3, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(bands_BCSRT.var((0, 3, 4), correction=0), torch.ones(3, 5), atol=1e-3, rtol=0)


def test_sub_spectral_norm_keeps_every_cell_in_its_place() -> None:
    norm = SubSpectralNorm(2).eval()
    nn.init.zeros_(norm.norm.bias)
    x_BCFT = torch.randn(1, 2, 10, 3)
    torch.testing.assert_close(norm(x_BCFT), x_BCFT, atol=1e-4, rtol=1e-4)


def test_normal_block_adds_its_input_and_a_transition_does_not() -> None:
    """With weights of zero, only what the shortcuts carry is left."""
    x_BCFT = torch.rand(1, 4, 10, 6)
    for outputs, wanted in ((4, x_BCFT), (6, torch.zeros(1, 6, 10, 6))):
        block = Block(4, outputs, stride=1, dilation=1, dropout=0.1, causal=False).eval()
        for parameter in block.parameters():
            nn.init.zeros_(parameter)
        torch.testing.assert_close(block(x_BCFT), wanted)


def test_block_broadcasts_over_frequency() -> None:
    block = Block(4, 4, stride=1, dilation=2, dropout=0.1, causal=False).eval()
    x_BCFT = torch.rand(1, 4, 10, 6)
    map_BCFT = block.frequency(x_BCFT)
    line_BCT = block.time(map_BCFT.mean(2))
    torch.testing.assert_close(block(x_BCFT), torch.relu(x_BCFT + map_BCFT + line_BCT[:, :, None]))
