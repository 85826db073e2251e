"""CNN-T: a convolutional network and a transformer side by side, a pattern from emotion recognition in speech.

The convolutions see the features as a picture and find local patterns; the transformer, on a coarser view, relates all
moments of the clip to each other. Its layers have no positional encoding: what happened counts, not when.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks.transformer import Layer
from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.features import FeatureConfig

WIDTHS = (16, 32, 64)
POOLS = ((2, 2), (4, 4), (None, 4))
"""Rows and frames that become one; None: all rows that are left."""
HALVED, HEADS, HIDDEN = 2, 4, 256
"""Transformer: feature rows that become one, heads, and the width of the feed-forward parts."""
ROWS = HALVED * HEADS


class CnntConfig(ClassifierConfig):
    """CNN and transformer side by side: whole clips, one answer."""

    streams: ClassVar[bool] = False

    kind: Literal["cnnt"] = "cnnt"
    size: Annotated[int, Field(ge=1)] = 256
    """Channels of the embedding that joins both branches."""
    layers: Annotated[int, Field(ge=1, le=64)] = 4
    """Transformer layers."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """Dropout after each convolution, and in front of the last layer."""
    transformer_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.4
    """Dropout in the transformer."""
    features: FeatureConfig = FeatureConfig(kind="mfcc")

    @model_validator(mode="after")
    def _rows_fit(self) -> Self:
        rows = self.extractor().rows
        if rows % ROWS:
            raise ValueError(f"cnnt needs a multiple of {ROWS} feature rows, features give {rows}")
        return self


class MaxPool(nn.Module):
    """The largest of each rectangle of rows and frames, [B, C, F, T] -> [B, C, F / rows, ceil(T / frames)].

    The last frames make a narrower rectangle of their own, so the shortest clip has an output and no frame is lost.
    """

    def __init__(self, rows: int | None, frames: int) -> None:
        super().__init__()
        self.rows, self.frames = rows, frames

    def forward(self, x_BCFT: Tensor) -> Tensor:
        bands_BCFT = F.max_pool2d(x_BCFT, (self.rows or x_BCFT.shape[2], 1))
        # What is put behind the end is never the largest, and the last rectangle always holds one true frame.
        padded_BCFT = F.pad(bands_BCFT, (0, self.frames - 1), value=torch.finfo(x_BCFT.dtype).min)
        return F.max_pool2d(padded_BCFT, (1, self.frames))


class Moments(nn.Module):
    """The transformer's branch: [B, F, T] -> [B, F / 2], the mean over time of what it makes of every fourth frame."""

    def __init__(self, rows: int, layers: int, dropout: float) -> None:
        super().__init__()
        size = rows // HALVED
        self.pool = MaxPool(HALVED, 4)
        self.layers = nn.Sequential(
            *(Layer(size, HEADS, HIDDEN, dropout=dropout, norm_first=False) for _ in range(layers))
        )

    def forward(self, feat_BFT: Tensor) -> Tensor:
        return self.layers(self.pool(feat_BFT[:, None]).squeeze(1).transpose(1, 2)).mean(1)


class Branches(nn.Module):
    """[B, F, T] -> [B, 64 + F / 2, T / 32]: frames of the convolutions, each beside the transformer's view."""

    def __init__(self, config: CnntConfig, rows: int) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for inputs, outputs, pool in zip((1, *WIDTHS), WIDTHS, POOLS, strict=False):
            conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
            parts += [conv, nn.BatchNorm2d(outputs), nn.ReLU(), MaxPool(*pool), nn.Dropout(config.dropout)]
        self.picture = nn.Sequential(*parts)
        self.moments = Moments(rows, config.layers, config.transformer_dropout)

    def forward(self, feat_BFT: Tensor) -> Tensor:
        frames_BDT = self.picture(feat_BFT[:, None]).squeeze(2)
        clip_BD1 = self.moments(feat_BFT)[..., None]
        return torch.cat([frames_BDT, clip_BD1.expand(-1, -1, frames_BDT.shape[-1])], 1)


class Cnnt(Encoder):
    """[B, F, T] -> [B, size, T / 32]."""

    def __init__(self, config: CnntConfig, rows: int) -> None:
        branches = Branches(config, rows)
        super().__init__(branches, nn.Conv1d(WIDTHS[-1] + rows // HALVED, config.size, 1), nn.GELU())
        self.channels, self.stride = config.size, 32


def build(config: CnntConfig) -> Classifier:
    """The whole network, with fresh weights."""
    return assemble(config, lambda rows: Cnnt(config, rows), dropout=config.dropout)
