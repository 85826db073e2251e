"""UiT: a small vision transformer for keywords and sounds (Dinkel et al. 2023, "Unified keyword spotting and audio
tagging on mobile devices with transformers").

Patches of 16 rows and 16 frames are the tokens. Attention works in a bottleneck of a quarter of the width.
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

PATCH = 16
"""Rows and frames of a patch."""
HEADS, BOTTLENECK, EXPANSION = 2, 4, 3
"""Attention heads, the factor by which attention is narrower, and by which the feed-forward parts are wider."""


class UitConfig(ClassifierConfig):
    """UiT: a transformer for keywords and sounds; whole clips."""

    streams: ClassVar[bool] = False

    kind: Literal["uit"] = "uit"
    depth: Annotated[int, Field(ge=1, le=48)] = 6
    """Layers; the paper uses 4 (3XS), 6 (2XS) and 12 (XS)."""
    size: Annotated[int, Field(ge=8, multiple_of=8)] = 128
    """Channels of a token."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout in the layers and in front of the last one."""
    max_s: Annotated[float, Field(gt=0)] = 10.0
    """Time that has positions of its own; what comes later shares the last one. Train on clips as long as those to be
    answered: a position that never occurred has learned nothing."""
    causal_attention: bool = False
    """Tokens see only their own patches of time and earlier ones; an answer is still for a whole clip."""
    features: FeatureConfig = FeatureConfig(kind="melspec", n_mels=64, window_ms=32.0, norm="none")

    @property
    def positions(self) -> int:
        """Patches of time that have a position of their own."""
        return max(1, round(1000 * self.max_s / self.features.hop_ms / PATCH))

    @model_validator(mode="after")
    def _rows_fit(self) -> Self:
        rows = self.extractor().rows
        if rows % PATCH:
            raise ValueError(f"uit needs a multiple of {PATCH} feature rows, features give {rows}: use n_mels: 64")
        return self


class Patches(nn.Module):
    """[B, F, T] -> tokens [B, t, f, D] with the embeddings of their place in time and in frequency added.

    The batch norm over rows is the only scaling that the features get; silence of its mean fills the last patch.
    """

    def __init__(self, rows: int, size: int, positions: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(rows)
        self.patch = nn.Conv2d(1, size, PATCH, PATCH)
        self.time_tD = nn.Parameter(torch.empty(positions, size))
        self.frequency_fD = nn.Parameter(torch.empty(rows // PATCH, size))
        for embedding in (self.time_tD, self.frequency_fD):
            nn.init.trunc_normal_(embedding, std=0.02)

    def forward(self, feat_BFT: Tensor) -> Tensor:
        map_BDft = self.patch(F.pad(self.norm(feat_BFT), (0, PATCH - 1))[:, None])
        place_t = torch.arange(map_BDft.shape[-1], device=feat_BFT.device).clamp_max(self.time_tD.shape[0] - 1)
        return map_BDft.permute(0, 3, 2, 1) + self.time_tD[place_t][:, None] + self.frequency_fD


class Transformer(nn.Module):
    """Tokens [B, t, f, D] -> [B, D, t]: the mean over frequency of what pre-norm layers make of all tokens."""

    def __init__(self, config: UitConfig) -> None:
        super().__init__()
        self.causal = config.causal_attention
        self.layers = nn.ModuleList(
            Layer(
                config.size,
                HEADS,
                EXPANSION * config.size,
                inner=config.size // BOTTLENECK,
                dropout=config.dropout,
                norm_first=True,
            )
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.size)

    def forward(self, tokens_BtfD: Tensor) -> Tensor:
        times, bands = tokens_BtfD.shape[1:3]
        mask_SS = earlier(times, bands, tokens_BtfD.device) if self.causal else None
        x_BSD = tokens_BtfD.flatten(1, 2)
        for layer in self.layers:
            x_BSD = layer(x_BSD, mask_SS)
        return self.norm(x_BSD).unflatten(1, (times, bands)).mean(2).transpose(1, 2)


def earlier(times: int, bands: int, device: torch.device) -> Tensor:
    """Which tokens [S, S] a token (row) may see: those of its own time, in all bands, and of earlier ones."""
    time_S = torch.arange(times, device=device)[:, None].expand(times, bands).flatten()
    return time_S[:, None] >= time_S


class Uit(Encoder):
    """[B, F, T] -> [B, D, T / 16]; the mean over time is the mean over all tokens."""

    def __init__(self, config: UitConfig, rows: int) -> None:
        super().__init__(Patches(rows, config.size, config.positions), Transformer(config))
        self.channels, self.stride = config.size, PATCH


def build(config: UitConfig) -> Classifier:
    """The whole network, with fresh weights."""
    return assemble(config, lambda rows: Uit(config, rows), dropout=config.dropout)
