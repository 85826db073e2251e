from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from models.blocks.residual import Residual
from models.classify.mobilenet import MobileNet, MobileNetConfig, build, whole


@pytest.mark.parametrize("causal", [False, True])
def test_parameters_of_the_paper(causal: bool) -> None:
    """3.4 M in the paper; torchvision's with 1000 classes has 3,504,872. Ours sees one channel instead of three."""
    model = build(MobileNetConfig(outputs=1000, causal=causal))
    assert sum(parameter.numel() for parameter in model.parameters()) == 3_504_872 - 2 * 32 * 3 * 3


@pytest.mark.parametrize(("width", "millions"), [(0.35, 1.68), (0.5, 1.97)])
def test_parameters_of_narrow_ones(width: float, millions: float) -> None:
    """timm's mobilenetv2_035 and mobilenetv2_050, again with 1000 classes."""
    model = build(MobileNetConfig(width=width, outputs=1000))
    assert round(sum(parameter.numel() for parameter in model.parameters()) / 1e6, 2) == millions


@pytest.mark.parametrize(("channels", "wanted"), [(3.2, 8), (11.2, 16), (12, 16), (24, 24), (33.6, 32), (44.8, 48)])
def test_widths_are_multiples_of_eight(channels: float, wanted: int) -> None:
    assert whole(channels) == wanted


@pytest.mark.parametrize("time_stride", [1, 2, 4, 8, 16, 32])
def test_time_shrinks_as_asked_and_frequency_as_in_the_paper(time_stride: Any) -> None:
    for causal in (False, True):
        config = MobileNetConfig(width=0.1, embedding=16, time_stride=time_stride, causal=causal)
        encoder = MobileNet(config, rows=40).eval()
        assert encoder.stride == time_stride
        assert encoder(torch.randn(2, 40, 32)).shape == (2, 16, 32 // time_stride)
        map_BCFT = nn.Sequential(*list(encoder)[:-1])(torch.randn(1, 40, 32))
        assert map_BCFT.shape[2] == 2


@pytest.mark.parametrize("frames", [1, 20, 101])
def test_short_clips_fit(frames: int) -> None:
    encoder = MobileNet(MobileNetConfig(width=0.1, embedding=16), rows=40).eval()
    assert encoder(torch.randn(2, 40, frames)).shape == (2, 16, -(-frames // 8))


def test_early_layers_shrink_time() -> None:
    encoder = MobileNet(MobileNetConfig(), rows=40)
    strides = [
        module.stride for module in encoder.modules() if isinstance(module, nn.Conv2d) and max(module.stride) > 1
    ]
    assert strides == [(2, 2), (2, 2), (2, 2), (2, 1), (2, 1)]


@pytest.mark.parametrize("rows", [40, 13])
@pytest.mark.parametrize("time_stride", [1, 8])
def test_streams(rows: int, time_stride: Any) -> None:
    config = MobileNetConfig(width=0.1, embedding=16, time_stride=time_stride, causal=True)
    encoder = MobileNet(config, rows).eval()
    feat_BFT = torch.randn(2, rows, 32)
    state, parts = encoder.init_state(2), list[Tensor]()
    for chunk_BFT in feat_BFT.split([8, 16, 8], -1):
        emb_BDT, state = encoder.step(chunk_BFT, state)
        parts.append(emb_BDT)
    torch.testing.assert_close(torch.cat(parts, -1), encoder(feat_BFT), atol=1e-5, rtol=1e-4)


def test_blocks_are_inverted_and_end_without_a_non_linearity() -> None:
    blocks = [part for part in MobileNet(MobileNetConfig(), rows=40) if isinstance(part, Residual)]
    # Two blocks of 24, three of 32, four of 64, three of 96 and 160: all but the first of each stage have a shortcut.
    assert len(blocks) == 1 + 2 + 3 + 2 + 2
    for block in blocks:
        convs = [part for part in block.main.modules() if isinstance(part, nn.Conv2d)]
        assert convs[1].groups == convs[0].out_channels == 6 * convs[0].in_channels
        assert isinstance(block.main[-1], nn.BatchNorm2d)


def test_window_must_hold_two_embeddings() -> None:
    with pytest.raises(ValidationError, match="two frames of 80 ms"):
        MobileNetConfig(causal=True, window_ms=159)
