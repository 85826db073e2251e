"""Frequency bands that are single bins below a corner and about as wide as hearing resolves above it.

Shapes: G bins, F bands.
"""

from __future__ import annotations

import torch
from torch import Tensor


def erb_rate(hz: Tensor) -> Tensor:
    """Number of equivalent rectangular bandwidths below a frequency (Glasberg and Moore 1990)."""
    return 21.4 * torch.log10(1 + 0.00437 * hz)


def spread(bins: int, bands: int, low: int, bin_hz: float) -> Tensor:
    """What each band gives to each bin, [F, G]: the columns sum to one.

    The first `low` bands are the first bins. The others are spaced evenly in ERBs up to the last bin, and a bin
    between the centres of two is shared by them.
    """
    assert 0 < low < bands <= bins
    hz_G = bin_hz * torch.arange(low, bins, dtype=torch.float64)
    rate_G = erb_rate(hz_G)
    upper = bands - low
    # Place of a bin on the scale of upper bands, 0 to upper - 1.
    place_G = (rate_G - rate_G[0]) / (rate_G[-1] - rate_G[0]) * (upper - 1)
    band_F1 = torch.arange(upper, dtype=torch.float64)[:, None]
    shared_FG = (1 - (place_G - band_F1).abs()).clamp_min(0)
    return torch.block_diag(torch.eye(low, dtype=torch.float64), shared_FG).float()


def merge(spread_FG: Tensor) -> Tensor:
    """The mean of each band's bins by the same shares, [G, F]; a band too narrow to hold a bin gives nothing."""
    return (spread_FG / spread_FG.sum(1, keepdim=True).clamp_min(1e-6)).T
