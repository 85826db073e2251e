"""TC-ResNet: temporal convolution for keywords on small devices (Choi et al. 2019, arXiv:1904.03814).

Feature rows are the channels of one-dimensional convolutions along time, so the first layer already sees all
frequencies. Strides halve the frame rate with every width: eight frames in, one embedding out.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from models.blocks.conv import TimeConv
from models.blocks.residual import Residual
from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.features import FeatureConfig
from models.streaming import Chain

# Section 3: output channels of the first layer and of each block; a block whose width grows has stride 2.
WIDTHS: dict[int, tuple[int, ...]] = {8: (16, 24, 32, 48), 14: (16, 24, 24, 32, 32, 48, 48)}


class TcResNetConfig(ClassifierConfig):
    """TC-ResNet: small and fast; answers every eight frames."""

    kind: Literal["tc_resnet"] = "tc_resnet"
    variant: Literal[8, 14] = 8
    """Number of convolutions: three or six residual blocks."""
    width: Annotated[float, Field(ge=0.25, le=8)] = 1.0
    """Multiplies the channels of all layers; the paper uses 1 and 1.5."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Dropout in front of the last layer."""
    features: FeatureConfig = FeatureConfig(kind="mfcc")

    @property
    def stride(self) -> int:
        """Feature frames to one embedding."""
        return 2 ** (len(set(WIDTHS[self.variant])) - 1)


class TcResNet(Encoder):
    """[B, F, T] -> [B, D, T / 8]."""

    def __init__(self, config: TcResNetConfig, rows: int) -> None:
        # As the authors' code does, widths are cut to whole channels.
        widths = [int(width * config.width) for width in WIDTHS[config.variant]]
        blocks = (_block(a, b, config.causal) for a, b in pairwise(widths))
        super().__init__(*_conv(rows, widths[0], 3, 1, config.causal), nn.ReLU(), *blocks)
        self.channels, self.stride = widths[-1], config.stride


def build(config: TcResNetConfig) -> Classifier:
    """The whole network, with fresh weights."""
    return assemble(config, lambda rows: TcResNet(config, rows), dropout=config.dropout)


def _block(inputs: int, outputs: int, causal: bool) -> Residual:
    """Two convolutions of nine frames around a shortcut; the first may halve the frame rate."""
    stride = 1 if inputs == outputs else 2
    main = Chain(*_conv(inputs, outputs, 9, stride, causal), nn.ReLU(), *_conv(outputs, outputs, 9, 1, causal))
    shortcut = Chain() if stride == 1 else Chain(*_conv(inputs, outputs, 1, stride, causal), nn.ReLU())
    return Residual(main, shortcut, nn.ReLU())


def _conv(inputs: int, outputs: int, kernel: int, stride: int, causal: bool) -> tuple[nn.Module, nn.Module]:
    conv = nn.Conv1d(inputs, outputs, kernel, stride, bias=False)
    return TimeConv(conv, causal=causal), nn.BatchNorm1d(outputs)
