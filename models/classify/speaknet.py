"""SpeakNet: the residual network of Keras' speaker-recognition example (Badine 2020), on rows of features.

Five blocks of plain convolutions along time, each followed by a max-pool of two frames. There is no batch norm, so a
clip's answer in training does not depend on its batch either.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import nn

from models.blocks.conv import TimeConv
from models.blocks.pool import TimePool
from models.blocks.residual import Residual
from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.features import FeatureConfig
from models.streaming import Chain

# Channels of each block and how many convolutions it has.
BLOCKS: tuple[tuple[int, int], ...] = ((16, 2), (32, 2), (64, 3), (128, 3), (128, 3))


class SpeakNetConfig(ClassifierConfig):
    """SpeakNet: no batch norm, for small batches and speakers; an embedding of every 32 frames."""

    streams: ClassVar[bool] = False

    kind: Literal["speaknet"] = "speaknet"
    width: Annotated[float, Field(ge=0.25, le=8)] = 1.0
    """Multiplies the channels of all blocks."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Dropout in front of the last layer."""
    features: FeatureConfig = FeatureConfig(kind="mfcc")

    @property
    def stride(self) -> int:
        return 2 ** len(BLOCKS)


class SpeakNet(Encoder):
    """[B, F, T] -> [B, 128 width, T / 32]. The example's average over three frames is the mean of the head."""

    def __init__(self, config: SpeakNetConfig, rows: int) -> None:
        layers: list[nn.Module] = []
        for width, convs in BLOCKS:
            outputs = int(width * config.width)
            layers += [_block(rows, outputs, convs), TimePool(2, causal=False)]
            rows = outputs
        super().__init__(*layers)
        self.channels, self.stride = rows, config.stride


def build(config: SpeakNetConfig) -> Classifier:
    """The whole network, with fresh weights."""
    return assemble(config, lambda rows: SpeakNet(config, rows), dropout=config.dropout)


def _block(inputs: int, outputs: int, convs: int) -> Residual:
    """Convolutions of three frames with ReLUs between them, around a projection."""
    main: list[nn.Module] = [_conv(inputs, outputs)]
    for _ in range(convs - 1):
        main += [nn.ReLU(), _conv(outputs, outputs)]
    return Residual(Chain(*main), Chain(nn.Conv1d(inputs, outputs, 1)), nn.ReLU())


def _conv(inputs: int, outputs: int) -> TimeConv:
    return TimeConv(nn.Conv1d(inputs, outputs, 3), causal=False)
