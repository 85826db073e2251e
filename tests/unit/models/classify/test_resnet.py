from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from models.classify.resnet import Average, ResNet, ResNetConfig, build

PAPER = [
    # Tang and Lin 2018, table 4 and tables 1 to 3, with the 12 classes of Speech Commands; in thousands, as printed.
    (8, 45, 110, 110_307),
    (15, 45, 238, 237_882),
    (26, 45, 438, 438_357),
    (8, 19, 19.9, 19_905),
    (15, 19, 42.6, 42_648),
    (26, 19, 78.4, 78_387),
]


@pytest.mark.parametrize(("depth", "channels", "paper", "trained"), PAPER)
@pytest.mark.parametrize("causal", [False, True])
def test_parameters_of_the_paper(depth: Any, channels: int, paper: float, trained: int, causal: bool) -> None:
    model = build(ResNetConfig(depth=depth, channels=channels, outputs=12, causal=causal))
    assert sum(parameter.numel() for parameter in model.parameters()) == trained
    assert float(f"{trained / 1000:.3g}") == paper


def convolutions(depth: Any) -> list[nn.Conv2d]:
    return [part for part in ResNet(ResNetConfig(depth=depth), rows=40).modules() if isinstance(part, nn.Conv2d)]


@pytest.mark.parametrize("depth", [8, 15, 26])
def test_depth_counts_convolutions_and_the_last_layer(depth: Any) -> None:
    assert len(convolutions(depth)) + 1 == depth


def test_dilation_doubles_every_three_convolutions() -> None:
    assert [conv.dilation[0] for conv in convolutions(15)] == [1] + [1] * 3 + [2] * 3 + [4] * 3 + [8] * 3 + [16]
    assert all(conv.dilation == (1, 1) for depth in (8, 26) for conv in convolutions(depth))


@pytest.mark.parametrize(("depth", "stride", "clip", "live"), [(8, 4, 6, 5), (15, 1, 21, 21), (26, 2, 11, 10)])
def test_frames_become_embeddings(depth: Any, stride: int, clip: int, live: int) -> None:
    for causal, wanted in ((False, clip), (True, live)):
        encoder = ResNet(ResNetConfig(depth=depth, channels=4, causal=causal), rows=40).eval()
        assert encoder.stride == stride
        assert encoder(torch.randn(2, 40, 21)).shape == (2, 4, wanted) == (2, encoder.channels, wanted)


@pytest.mark.parametrize("depth", [8, 15, 26])
def test_every_depth_streams(depth: Any) -> None:
    encoder = ResNet(ResNetConfig(depth=depth, channels=4, causal=True), rows=40).eval()
    feat_BFT = torch.randn(2, 40, 40)
    state, parts = encoder.init_state(2), list[Tensor]()
    for chunk_BFT in feat_BFT.split([4, 8, 28], -1):
        emb_BDT, state = encoder.step(chunk_BFT, state)
        parts.append(emb_BDT)
    torch.testing.assert_close(torch.cat(parts, -1), encoder(feat_BFT), atol=1e-5, rtol=1e-4)


def test_sum_goes_past_the_norms() -> None:
    """With the convolutions of all blocks at zero, what the first layer made arrives, normalised once, at the end."""
    encoder = ResNet(ResNetConfig(channels=4), rows=40).eval()
    for conv in [part for part in encoder.modules() if isinstance(part, nn.Conv2d)][1:]:
        nn.init.zeros_(conv.weight)
    for norm in [part for part in encoder.modules() if isinstance(part, nn.BatchNorm2d)][:-1]:
        nn.init.constant_(norm.get_buffer("running_mean"), 5.0)  # would be seen
    feat_BFT = torch.randn(1, 40, 8)
    wanted = nn.Sequential(*list(encoder)[:4])(feat_BFT).mean(2)
    torch.testing.assert_close(encoder(feat_BFT), wanted, atol=1e-4, rtol=1e-4)


def test_average_repeats_the_last_frame_of_a_clip() -> None:
    x_BCFT = torch.tensor([1.0, 2.0, 3.0, 4.0, 7.0]).expand(1, 1, 6, 5)
    assert torch.equal(Average(3, 4, causal=False)(x_BCFT), torch.tensor([2.5, 7.0]).expand(1, 1, 2, 2))
    assert torch.equal(Average(3, 4, causal=True)(x_BCFT), torch.tensor([2.5]).expand(1, 1, 2, 1))


def test_window_must_hold_two_embeddings() -> None:
    with pytest.raises(ValidationError, match="two frames of 40 ms"):
        ResNetConfig(causal=True, window_ms=79)
