"""Compression of power [B, F, T] to the scale that networks learn from. PCEN, having memory, is in blocks/norm.py."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Full-scale noise has a power of about 1e4 a bin in our unnormalised spectra, the rounding noise of 16-bit audio 1e-8
# to 1e-7: below this floor there is nothing to hear.
FLOOR = 1e-6


class Log(nn.Module):
    """Natural logarithm above a soft floor."""

    def forward(self, power_BFT: Tensor) -> Tensor:
        return torch.log(power_BFT + FLOOR)


class Decibel(nn.Module):
    """10 log10 above an absolute floor."""

    def __init__(self, floor: float = FLOOR) -> None:
        super().__init__()
        self.floor = floor

    def forward(self, power_BFT: Tensor) -> Tensor:
        return 10.0 * torch.log10(power_BFT.clamp_min(self.floor))


class ClipDecibel(nn.Module):
    """10 log10, at most `range_db` below the loudest cell of the same clip (not of the batch)."""

    def __init__(self, range_db: float = 80.0) -> None:
        super().__init__()
        self.range_db = range_db
        self.absolute = Decibel(1e-10)

    def forward(self, power_BFT: Tensor) -> Tensor:
        db_BFT = self.absolute(power_BFT)
        return torch.maximum(db_BFT, db_BFT.amax((1, 2), keepdim=True) - self.range_db)
