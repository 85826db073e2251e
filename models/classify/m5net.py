"""M5: convolutions on the raw wave (Dai et al. 2017, arXiv:1610.00087).

The first kernel spans 10 ms of sound and learns a filter bank; short kernels and max-pools then shrink time quickly.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import nn

from models.blocks.conv import TimeConv
from models.blocks.pool import TimePool
from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.features import FeatureConfig

# Kernel (none: 10 ms), channels / n and pool of each layer.
LAYERS: tuple[tuple[int | None, int, int], ...] = ((None, 1, 2), (5, 1, 2), (3, 2, 4), (3, 2, 4))
POOLED = 64


class M5NetConfig(ClassifierConfig):
    """M5: takes the wave itself; answers every 64 strides of the first layer."""

    takes_wave: ClassVar[bool] = True

    kind: Literal["m5net"] = "m5net"
    channels: Annotated[int, Field(ge=1, le=1024)] = 64
    """Channels of the first two layers (n); the last two have twice as many."""
    first_stride: Annotated[int, Field(ge=1, le=64)] = 16
    """Samples from one output of the first layer to the next: 16 at 16 kHz makes an embedding of every 64 ms."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Dropout in front of the last layer."""
    features: FeatureConfig = FeatureConfig(kind="raw")

    @property
    def stride(self) -> int:
        return self.first_stride * POOLED


class M5Net(Encoder):
    """[B, 1, N] -> [B, 2 n, N / (64 first_stride)]."""

    def __init__(self, config: M5NetConfig) -> None:
        first_kernel = config.features.sample_rate_hz // 100
        layers: list[nn.Module] = []
        width, stride = 1, config.first_stride
        for kernel, factor, pool in LAYERS:
            outputs = config.channels * factor
            # No bias in front of a batch norm, which would take it away again.
            conv = nn.Conv1d(width, outputs, kernel or first_kernel, stride, bias=False)
            layers += [TimeConv(conv, causal=config.causal), nn.BatchNorm1d(outputs), nn.ReLU()]
            layers.append(TimePool(pool, causal=config.causal))
            width, stride = outputs, 1
        super().__init__(*layers)
        self.channels, self.stride = width, config.stride


def build(config: M5NetConfig) -> Classifier:
    """The whole network, with fresh weights."""
    return assemble(config, lambda _: M5Net(config), dropout=config.dropout)
