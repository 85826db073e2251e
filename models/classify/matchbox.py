"""MatchboxNet: time-channel separable convolutions for commands (Majumdar and Ginsburg 2020, arXiv:2004.08531).

A separable convolution filters each channel along time by itself and then mixes the channels frame by frame, which is
far cheaper than doing both at once and so affords long kernels. BxRxC is B residual blocks of R of them, C channels.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from models.blocks.conv import TimeConv
from models.blocks.residual import Residual
from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.features import FeatureConfig
from models.streaming import Chain

# Table 1: the layers before and after the blocks; the first block's kernel, which grows by two frames a block.
WIDE = 128
PROLOGUE_KERNEL, EPILOGUE_KERNEL, FIRST_KERNEL = 11, 29, 13


class MatchboxConfig(ClassifierConfig):
    """MatchboxNet: long kernels at a small price; answers every two frames."""

    kind: Literal["matchbox"] = "matchbox"
    blocks: Annotated[int, Field(ge=1, le=12)] = 3
    """Residual blocks (B); the paper uses 3 to 6."""
    repeats: Annotated[int, Field(ge=1, le=8)] = 2
    """Separable convolutions in each block (R); the paper uses 1 and 2."""
    channels: Annotated[int, Field(ge=1, le=1024)] = 64
    """Channels of the blocks (C)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout after every convolution but the last."""
    features: FeatureConfig = FeatureConfig(kind="mfcc", window_ms=25, n_mels=64, n_mfcc=64)

    @property
    def stride(self) -> int:
        return 2


class MatchboxNet(Encoder):
    """[B, F, T] -> [B, 128, T / 2]."""

    def __init__(self, config: MatchboxConfig, rows: int) -> None:
        width, causal = config.channels, config.causal
        inputs = (WIDE, *[width] * (config.blocks - 1))
        super().__init__(
            *_separable(rows, WIDE, PROLOGUE_KERNEL, causal, stride=config.stride),
            *_active(config),
            *(_block(a, config, FIRST_KERNEL + 2 * index) for index, a in enumerate(inputs)),
            *_separable(width, WIDE, EPILOGUE_KERNEL, causal, dilation=2),
            *_active(config),
            *_pointwise(WIDE, WIDE),
            nn.ReLU(),
        )
        self.channels, self.stride = WIDE, config.stride


def build(config: MatchboxConfig) -> Classifier:
    """The whole network, with fresh weights; the paper's last 1x1 convolution is the linear layer of the head."""
    return assemble(config, lambda rows: MatchboxNet(config, rows), dropout=0.0)


def _block(inputs: int, config: MatchboxConfig, kernel: int) -> Residual:
    """R separable convolutions around a projection, which joins in front of the last ReLU (figure 1)."""
    main: list[nn.Module] = []
    for index in range(config.repeats):
        main += _active(config) if index else []
        main += _separable(config.channels if index else inputs, config.channels, kernel, config.causal)
    return Residual(Chain(*main), Chain(*_pointwise(inputs, config.channels)), nn.Sequential(*_active(config)))


def _active(config: MatchboxConfig) -> list[nn.Module]:
    return [nn.ReLU(), nn.Dropout(config.dropout)]


def _separable(
    inputs: int, outputs: int, kernel: int, causal: bool, *, stride: int = 1, dilation: int = 1
) -> list[nn.Module]:
    depthwise = nn.Conv1d(inputs, inputs, kernel, stride, dilation=dilation, groups=inputs, bias=False)
    return [TimeConv(depthwise, causal=causal), *_pointwise(inputs, outputs)]


def _pointwise(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv1d(inputs, outputs, 1, bias=False), nn.BatchNorm1d(outputs)]
