"""What the wave itself tells of each frame: how often it crosses zero, and how loud it is."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.frontend.spectral import octaves


class Level(nn.Module):
    """[B, N] -> [B, 2, T]: zero crossings as the frequency of a tone that has as many, in octaves; root mean square as
    log10 of amplitude, from -5 (silence) to 0 (full scale)."""

    def __init__(self, rate_hz: int, hop: int, window: int) -> None:
        super().__init__()
        self.rate_hz, self.hop, self.length = rate_hz, hop, window

    def forward(self, wav_BN: Tensor) -> Tensor:
        high_BN = wav_BN >= 0
        crossing_BN = (high_BN[:, 1:] != high_BN[:, :-1]).to(wav_BN.dtype)
        share_B1T = F.avg_pool1d(crossing_BN[:, None], self.length - 1, self.hop)
        power_B1T = F.avg_pool1d(wav_BN.square()[:, None], self.length, self.hop)
        # log10(power + 1e-10), written so that the exporter does not take 1e-10 for 0 and leave it out.
        level_B1T = 0.5 * torch.log10(1e10 * power_B1T + 1.0) - 5.0
        return torch.cat([octaves(share_B1T * self.rate_hz / 2), level_B1T], 1)
