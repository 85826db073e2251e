"""ECAPA-TDNN: dilated convolutions with channel attention for speaker embeddings (Desplanques et al. 2020,
arXiv:2005.07143).

Three squeeze-excitation Res2 blocks, each on the sum of all before it; their outputs together become the frames that
the attentive statistics of the embedding head pool. An embedding is compared by its cosine: train it with
`head.cosine` and an angular margin, or with plain cross-entropy.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from models import heads
from models.blocks.conv import TimeConv
from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.features import FeatureConfig

SCALE = 8
"""Groups of channels in a Res2 layer."""
DILATIONS = (2, 3, 4)


class EcapaTdnnConfig(ClassifierConfig):
    """ECAPA-TDNN: speaker and sound embeddings from whole clips."""

    streams: ClassVar[bool] = False

    kind: Literal["ecapa_tdnn"] = "ecapa_tdnn"
    channels: Annotated[int, Field(ge=8, le=2048)] = 512
    """Channels of the blocks, a multiple of 8; the paper uses 512 and 1024."""
    frame_channels: Annotated[int, Field(ge=1)] = 1536
    """Channels of the frames that the head pools."""
    squeeze: Annotated[int, Field(ge=1)] = 128
    """Channels inside the squeeze-excitation."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout in front of the last layer; a margin loss needs none."""
    features: FeatureConfig = FeatureConfig(kind="melspec", n_mels=80, window_ms=25.0)
    head: heads.HeadConfig = heads.EmbeddingConfig()
    """How frames become one answer; the embedding head is the paper's."""

    @model_validator(mode="after")
    def _groups_fit(self) -> Self:
        if self.channels % SCALE:
            raise ValueError(f"channels={self.channels} must be a multiple of {SCALE}")
        return self


class Res2(nn.Module):
    """Groups of channels in a ladder: each but the first is convolved after the result of the one before is added."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        width = channels // SCALE
        self.units = nn.ModuleList(_unit(width, width, 3, dilation) for _ in range(SCALE - 1))

    def forward(self, x_BCT: Tensor) -> Tensor:
        first, *rest = x_BCT.chunk(SCALE, 1)
        outputs = [first]
        for unit, part in zip(self.units, rest, strict=True):
            outputs.append(unit(part if len(outputs) == 1 else part + outputs[-1]))
        return torch.cat(outputs, 1)


class SqueezeExcitation(nn.Module):
    """Scales each channel by a gate that sees the mean of all of them over the clip."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Conv1d(channels, squeeze, 1), nn.ReLU(), nn.Conv1d(squeeze, channels, 1), nn.Sigmoid()
        )

    def forward(self, x_BCT: Tensor) -> Tensor:
        return x_BCT * self.gate(x_BCT.mean(-1, keepdim=True))


class Block(nn.Module):
    """1x1, Res2, 1x1, squeeze-excitation around a shortcut (figure 1)."""

    def __init__(self, channels: int, dilation: int, squeeze: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            _unit(channels, channels, 1),
            Res2(channels, dilation),
            _unit(channels, channels, 1),
            SqueezeExcitation(channels, squeeze),
        )

    def forward(self, x_BCT: Tensor) -> Tensor:
        return x_BCT + self.main(x_BCT)


class Blocks(nn.Module):
    """The three blocks side by side, [B, C, T] -> [B, 3 C, T]: each gets the sum of the input and all before it."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(channels, dilation, squeeze) for dilation in DILATIONS)

    def forward(self, x_BCT: Tensor) -> Tensor:
        outputs: list[Tensor] = []
        for block in self.blocks:
            outputs.append(block(x_BCT))
            x_BCT = x_BCT + outputs[-1]
        return torch.cat(outputs, 1)


class EcapaTdnn(Encoder):
    """[B, F, T] -> [B, frame_channels, T] (figure 2, up to the pooling)."""

    def __init__(self, config: EcapaTdnnConfig, rows: int) -> None:
        super().__init__(
            _unit(rows, config.channels, 5),
            Blocks(config.channels, config.squeeze),
            nn.Conv1d(len(DILATIONS) * config.channels, config.frame_channels, 1),
            nn.ReLU(),
        )
        self.channels, self.stride = config.frame_channels, 1


def build(config: EcapaTdnnConfig) -> Classifier:
    """The whole network, with fresh weights."""
    return assemble(config, lambda rows: EcapaTdnn(config, rows), dropout=config.dropout)


def _unit(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    """Convolution, ReLU, batch norm, in the order of the paper."""
    conv = nn.Conv1d(inputs, outputs, kernel, dilation=dilation)
    return nn.Sequential(TimeConv(conv, causal=False), nn.ReLU(), nn.BatchNorm1d(outputs))
