"""VoxSeg: speech detection by a CNN on tiles of a spectrogram and a BiLSTM over them (Wilkinson & Niesler 2021,
arXiv:2103.03529).

A tile is 32 frames of 32 mel rows, seen as a picture. The convolutions describe each tile by itself, the BiLSTM sets
it beside its neighbours, and the frames head gives a label a tile: every 0.32 s, or finer with tiles that overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from models import heads
from models.blocks.recurrent import Lstm
from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.features import FeatureConfig

TILE = 32
"""Frames of a tile."""
KERNELS = (5, 3, 3)
"""Kernel of each convolution; none pads, and each is followed by a pool of 2."""
Channels = Annotated[int, Field(ge=1)]


class VoxsegConfig(ClassifierConfig):
    """VoxSeg: speech or not, tile by tile; needs whole clips."""

    streams: ClassVar[bool] = False

    kind: Literal["voxseg"] = "voxseg"
    tile_hop: Annotated[int, Field(ge=1, le=TILE)] = TILE
    """Feature frames from label to label; less than 32 overlaps the tiles."""
    channels: tuple[Channels, Channels, Channels] = (64, 128, 128)
    """Channels of the convolutions."""
    hidden: Annotated[int, Field(ge=1)] = 128
    """Size of the tile's description, and of the LSTM in each direction."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """Dropout in front of the LSTM and of the last layer."""
    features: FeatureConfig = FeatureConfig(kind="melspec", n_mels=32, window_ms=25.0, norm="clip_var")
    head: heads.HeadConfig = heads.FramesConfig()
    """How frames become one answer; frames also answers for every tile."""

    @model_validator(mode="after")
    def _rows_fit(self) -> Self:
        if (rows := self.extractor().rows) < MIN_ROWS:
            raise ValueError(f"voxseg needs at least {MIN_ROWS} feature rows, features give {rows}")
        return self


def left(size: int) -> int:
    """What the convolutions leave of so many rows or frames."""
    for kernel in KERNELS:
        size = (size - kernel + 1) // 2
    return size


MIN_ROWS = next(size for size in range(TILE + 1) if left(size) > 0)


class Tiles(nn.Module):
    """[B, F, T] -> [B, n, F, 32] with n = ceil(T / hop): a tile around each `hop` frames, silence beyond the ends."""

    def __init__(self, hop: int) -> None:
        super().__init__()
        self.hop = hop
        before = (TILE - hop) // 2
        # The last tile may begin up to hop - 1 frames before the end.
        self.pad = (before, TILE - 1 - before)

    def forward(self, feat_BFT: Tensor) -> Tensor:
        count = (feat_BFT.shape[-1] - 1) // self.hop + 1
        start_n1 = self.hop * torch.arange(count, device=feat_BFT.device)[:, None]
        # An index instead of Tensor.unfold, which ONNX has no counterpart of.
        frame_nT = start_n1 + torch.arange(TILE, device=feat_BFT.device)
        return F.pad(feat_BFT, self.pad)[..., frame_nT].transpose(1, 2)


class Picture(nn.Module):
    """Describes each tile by itself: [B, n, F, 32] -> [B, n, hidden]."""

    def __init__(self, rows: int, channels: Sequence[int], hidden: int, dropout: float) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for (inputs, outputs), kernel in zip(pairwise((1, *channels)), KERNELS, strict=True):
            parts += [nn.Conv2d(inputs, outputs, kernel), nn.ELU(), nn.MaxPool2d(2)]
        self.layers = nn.Sequential(
            *parts, nn.Flatten(), nn.Linear(channels[-1] * left(rows) * left(TILE), hidden), nn.Dropout(dropout)
        )

    def forward(self, tiles_BnFT: Tensor) -> Tensor:
        return self.layers(tiles_BnFT.flatten(0, 1)[:, None]).unflatten(0, tiles_BnFT.shape[:2])


class ChannelsFirst(nn.Module):
    """[B, n, D] -> [B, D, n]."""

    def forward(self, x_BnD: Tensor) -> Tensor:
        return x_BnD.transpose(1, 2)


class Voxseg(Encoder):
    """[B, F, T] -> [B, 2 hidden, T / tile_hop]."""

    def __init__(self, config: VoxsegConfig, rows: int) -> None:
        super().__init__(
            Tiles(config.tile_hop),
            Picture(rows, config.channels, config.hidden, config.dropout),
            Lstm(config.hidden, config.hidden, both_ways=True),
            ChannelsFirst(),
        )
        self.channels, self.stride = 2 * config.hidden, config.tile_hop


def build(config: VoxsegConfig) -> Classifier:
    """The whole network, with fresh weights."""
    return assemble(config, lambda rows: Voxseg(config, rows), dropout=config.dropout)
