"""Leaves speech alone that is clean enough.

What a denoiser takes out of clean speech is speech. It is a small share of the whole, as what it takes out of noisy
speech is not: the ratio of what is kept to what is taken away, over some seconds, tells one from the other.

Shapes: B streams, T frames, G bins.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.blocks.norm import RunningMean
from models.streaming import State, child, nest

_SILENCE = 1e-12
"""Mean power of a frame that makes no difference."""


class Spare(nn.Module):
    """Takes all of it away where the ratio (dB) is up to `low_db`, nothing from `high_db` on: spectra [B, T, 2, G]
    before and after the denoiser -> [B, T, 2, G]. In training all is taken away: a new network that changes nothing
    would be spared for ever."""

    def __init__(self, low_db: float, high_db: float, time_constant: float) -> None:
        super().__init__()
        self.low_db, self.high_db = low_db, high_db
        self.mean = RunningMean(2, time_constant)

    def init_state(self, rows: int) -> State:
        return nest("mean", self.mean.init_state(rows))

    def step(self, before: Tensor, after: Tensor, state: State) -> tuple[Tensor, State]:
        removed = before - after
        power_B2T = torch.stack([part.square().mean((2, 3)) for part in (after, removed)], 1)
        mean_B2T, mean = self.mean.step(power_B2T, child("mean", state))
        if self.training:
            return after, nest("mean", mean)
        kept_db_BT, removed_db_BT = (10 * torch.log10(mean_B2T.clamp_min(_SILENCE))).unbind(1)
        share_BT = ((self.high_db - (kept_db_BT - removed_db_BT)) / (self.high_db - self.low_db)).clamp(0, 1)
        return before - share_BT[:, :, None, None] * removed, nest("mean", mean)
