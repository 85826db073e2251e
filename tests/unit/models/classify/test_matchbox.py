from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from models.blocks.residual import Residual
from models.classify.matchbox import MatchboxConfig, MatchboxNet, build

PAPER = [
    # Majumdar and Ginsburg 2020, tables 2 and 3, in thousands, to two digits (139 k is printed as 140 k). What is
    # counted: 64 MFCC in, biases nowhere but in the last layer, which has the 30 classes of Speech Commands v1.
    (3, 1, 77, 77_214),
    (3, 2, 93, 92_766),
    (6, 2, 140, 138_846),
]


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(("blocks", "repeats", "paper", "trained"), PAPER)
@pytest.mark.parametrize("causal", [False, True])
def test_parameters_of_the_paper(blocks: int, repeats: int, paper: int, trained: int, causal: bool) -> None:
    model = build(MatchboxConfig(blocks=blocks, repeats=repeats, outputs=30, causal=causal))
    assert count(model) == trained
    assert float(f"{trained:.2g}") == 1000 * paper


def test_body_is_the_one_that_nemo_counts() -> None:
    """NVIDIA's documentation gives 73 k for 3x1x64 without its last layer."""
    encoder = MatchboxNet(MatchboxConfig(repeats=1), rows=64)
    assert round(count(encoder), -3) == 73_000


def kernels(encoder: MatchboxNet) -> list[tuple[int, int]]:
    """Kernel and channels of the convolutions along time, in order."""
    convs = (module for module in encoder.modules() if isinstance(module, nn.Conv1d) and module.kernel_size != (1,))
    return [(conv.kernel_size[0], conv.in_channels) for conv in convs]


def test_every_convolution_along_time_is_separable() -> None:
    encoder = MatchboxNet(MatchboxConfig(), rows=64)
    assert kernels(encoder) == [(11, 64), (13, 128), (13, 64), (15, 64), (15, 64), (17, 64), (17, 64), (29, 64)]
    for conv in (module for module in encoder.modules() if isinstance(module, nn.Conv1d)):
        assert conv.groups == conv.in_channels or conv.kernel_size == (1,)


@pytest.mark.parametrize(("frames", "clip", "live"), [(101, 51, 50), (20, 10, 10), (21, 11, 10), (1, 1, 0)])
def test_two_frames_become_one(frames: int, clip: int, live: int) -> None:
    for causal, wanted in ((False, clip), (True, live)):
        encoder = MatchboxNet(MatchboxConfig(causal=causal), rows=64).eval()
        assert encoder.stride == 2
        if wanted:
            assert encoder(torch.randn(2, 64, frames)).shape == (2, 128, wanted) == (2, encoder.channels, wanted)


def test_projection_joins_each_block() -> None:
    """With every convolution of the blocks at zero, what is left is what the projections carry."""
    encoder = MatchboxNet(MatchboxConfig(), rows=64).eval()
    blocks = [part for part in encoder if isinstance(part, Residual)]
    assert len(blocks) == 3
    x = torch.rand(1, 128, 6)
    for block in blocks:
        for parameter in block.main.parameters():
            nn.init.zeros_(parameter)
        torch.testing.assert_close(block(x), torch.relu(block.shortcut(x)))
        x = block(x)
    assert x.abs().sum() > 0


@pytest.mark.parametrize(
    ("data", "message"),
    [({"causal": True, "window_ms": 30}, "two frames of 20 ms"), ({"blocks": 0}, "greater than or equal to 1")],
)
def test_wrong_configs_are_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MatchboxConfig.model_validate(data)
