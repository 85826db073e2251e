"""MobileNetV2: inverted residuals (Sandler et al. 2018, arXiv:1801.04381) on the map of log-mel features.

A block widens a thin map, filters every channel by itself, and makes it thin again without a non-linearity, which
would lose what a thin map has to carry. Images shrink in both directions alike; a second of sound has 100 frames of
40 rows and time matters more, so here only the first few of the five strides also halve the frame rate.

Shapes: [B, C, F, T] for maps, [B, C, T] after the mean over frequency.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from models.blocks.conv import TimeConv
from models.blocks.maps import FrequencyMean, Map
from models.blocks.residual import Residual
from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.features import FeatureConfig
from models.streaming import Chain

# Table 2: expansion, channels, blocks and stride of the first block, of each stage.
STAGES: tuple[tuple[int, int, int, int], ...] = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM = 32


class MobileNetConfig(ClassifierConfig):
    """MobileNetV2: a general network for sounds, at any width."""

    kind: Literal["mobilenet"] = "mobilenet"
    width: Annotated[float, Field(ge=0.1, le=2)] = 1.0
    """Multiplies the channels of all layers but the last."""
    embedding: Annotated[int, Field(ge=1, le=4096)] = 1280
    """Channels of the last layer; the paper has 1280 for all widths up to 1."""
    time_stride: Literal[1, 2, 4, 8, 16, 32] = 8
    """Feature frames to one embedding."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Dropout in front of the last layer."""
    features: FeatureConfig = FeatureConfig(kind="melspec")

    @property
    def stride(self) -> int:
        return self.time_stride


class MobileNet(Encoder):
    """[B, F, T] -> [B, embedding, T / time_stride]."""

    def __init__(self, config: MobileNetConfig, rows: int) -> None:
        causal, left, bins = config.causal, config.time_stride, rows

        def strides(stride: int) -> tuple[int, int]:
            """The strides (frequency, time) of a layer that the paper gives this stride."""
            nonlocal left
            if stride == 1 or left == 1:
                return stride, 1
            left //= 2
            return stride, 2

        width = whole(STEM * config.width)
        layers: list[nn.Module] = [
            Map(),
            TimeConv(nn.Conv2d(1, width, 3, strides(2), (1, 0), bias=False), causal=causal, bins=bins),
            nn.BatchNorm2d(width),
            nn.ReLU6(),
        ]
        bins = -(-bins // 2)
        for expansion, channels, count, stride in STAGES:
            outputs = whole(channels * config.width)
            for index in range(count):
                first = stride if index == 0 else 1
                layers.append(_block(width, outputs, expansion, strides(first), bins, causal))
                width, bins = outputs, -(-bins // first)
        super().__init__(*layers, *_pointwise(width, config.embedding), nn.ReLU6(), FrequencyMean())
        self.channels, self.stride = config.embedding, config.stride


def build(config: MobileNetConfig) -> Classifier:
    """The whole network, with fresh weights."""
    return assemble(config, lambda rows: MobileNet(config, rows), dropout=config.dropout)


def whole(channels: float) -> int:
    """The nearest multiple of eight that is at least eight and not more than a tenth below."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


def _block(
    inputs: int, outputs: int, expansion: int, strides: tuple[int, int], bins: int, causal: bool
) -> Residual | Chain:
    """One inverted residual (table 1); only a block that changes neither width nor size has an input to add."""
    wide = inputs * expansion
    widen = [*_pointwise(inputs, wide), nn.ReLU6()] if expansion > 1 else []
    depthwise = nn.Conv2d(wide, wide, 3, strides, (1, 0), groups=wide, bias=False)
    main = Chain(
        *widen,
        TimeConv(depthwise, causal=causal, bins=bins),
        nn.BatchNorm2d(wide),
        nn.ReLU6(),
        *_pointwise(wide, outputs),
    )
    return Residual(main) if inputs == outputs and strides == (1, 1) else main


def _pointwise(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
