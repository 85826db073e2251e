"""Plain convolutional networks for sounds: the CNN6, CNN10 and CNN14 of PANNs (Kong et al. 2020, arXiv:1912.10211).

Square convolutions on the map of log-mel features; each block doubles the channels and halves rows and frames. What
a filter finds it finds at any pitch and any moment, which is what few speakers or recordings can teach.

Shapes: [B, C, F, T] for maps, [B, C, T] after the mean over frequency.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from models import heads
from models.blocks.maps import FrequencyMean, Map
from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.features import FeatureConfig

MOST_DOUBLINGS = 5


class PannsConfig(ClassifierConfig):
    """CNN of PANNs: strong for its simplicity on sounds and emotion; whole clips, one answer."""

    streams: ClassVar[bool] = False

    kind: Literal["panns"] = "panns"
    channels: Annotated[int, Field(ge=1, le=512)] = 64
    """Channels of the first block; each of the next has twice as many, up to 32 times."""
    blocks: Annotated[int, Field(ge=1, le=6)] = 4
    """Blocks; between two of them rows and frames are halved."""
    convs: Literal[1, 2] = 2
    """Convolutions in a block."""
    kernel: Literal[3, 5] = 3
    """Rows and frames that a convolution sees."""
    block_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the channels that are dropped after each block but the last; the paper drops single cells."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Dropout in front of the last layer."""
    features: FeatureConfig = FeatureConfig(kind="melspec", n_mels=64)
    head: heads.HeadConfig = heads.MeanConfig()
    """How frames become one answer."""

    @property
    def stride(self) -> int:
        return 2 ** (self.blocks - 1)

    @model_validator(mode="after")
    def _rows_fit(self) -> Self:
        rows = self.extractor().rows
        if rows < self.stride:
            raise ValueError(f"{self.blocks} blocks need {self.stride} feature rows or more, features give {rows}")
        return self


class Halve(nn.Module):
    """Mean over squares of two rows and two frames; what is left over at an end is averaged by itself."""

    def forward(self, x_BCFT: Tensor) -> Tensor:
        return F.avg_pool2d(x_BCFT, 2, ceil_mode=True)


class Panns(Encoder):
    """[B, F, T] -> [B, channels of the last block, T / stride]."""

    def __init__(self, config: PannsConfig, rows: int) -> None:
        layers: list[nn.Module] = []
        inputs = 1
        for index in range(config.blocks):
            outputs = config.channels * 2 ** min(index, MOST_DOUBLINGS)
            if index:
                layers += [Halve(), nn.Dropout2d(config.block_dropout)]
            for _ in range(config.convs):
                layers += _conv(inputs, outputs, config.kernel)
                inputs = outputs
        super().__init__(nn.BatchNorm1d(rows), Map(), *layers, FrequencyMean())
        self.channels, self.stride = inputs, config.stride
        # Channels last in memory: a third less time in training on a CPU.
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def build(config: PannsConfig) -> Classifier:
    """The whole network, with fresh weights."""
    return assemble(config, lambda rows: Panns(config, rows), dropout=config.dropout)


def _conv(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]
