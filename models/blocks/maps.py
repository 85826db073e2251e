"""From features to two-dimensional maps of them, and back to one dimension."""

from __future__ import annotations

from torch import Tensor, nn


class Map(nn.Module):
    """[B, F, T] -> [B, 1, F, T]."""

    def forward(self, feat_BFT: Tensor) -> Tensor:
        return feat_BFT[:, None]


class FrequencyMean(nn.Module):
    """[B, C, F, T] -> [B, C, T]."""

    def forward(self, x_BCFT: Tensor) -> Tensor:
        return x_BCFT.mean(2)
