"""Normalisation along time of features [B, F, T]: over the clip, over the past, and per-channel energy (PCEN)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from models.blocks.causal import FromStep
from models.blocks.scan import DecayScan
from models.streaming import State, child, nest


class ClipMean(nn.Module):
    """Takes each row's mean over the clip away."""

    def forward(self, x_BFT: Tensor) -> Tensor:
        return x_BFT - x_BFT.mean(-1, keepdim=True)


class ClipPeak(nn.Module):
    """Takes the largest cell of the clip away from all of them: of decibels or logarithms, that is its level."""

    def forward(self, x_BFT: Tensor) -> Tensor:
        return x_BFT - x_BFT.amax((1, 2), keepdim=True)


class ClipScale(nn.Module):
    """Divides each row of zero mean by its standard deviation over the clip."""

    def forward(self, x_BFT: Tensor) -> Tensor:
        # The floor under the variance keeps a constant row at 0 instead of blowing its rounding noise up.
        return x_BFT * torch.rsqrt(x_BFT.square().mean(-1, keepdim=True) + 1e-5)


class RunningMean(FromStep):
    """Mean of the past with exponentially fading weights that always sum to one.

    The weights of an unfinished past sum to less than one, so the sum of weights runs beside the weighted sum and
    divides it: the mean is a true mean from the first frame on, however loud the recording is.
    """

    def __init__(self, rows: int, time_constant: float) -> None:
        super().__init__()
        self.rows = rows
        self.scan = DecayScan(math.exp(-1.0 / time_constant))

    def init_state(self, rows: int) -> State:
        return {"sums": self.scan.within.new_zeros(rows, self.rows + 1)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        sums_BGT = self.scan(torch.cat([x, torch.ones_like(x[:, :1])], 1), state["sums"])
        return sums_BGT[:, :-1] / sums_BGT[:, -1:], {"sums": sums_BGT[:, :, -1]}


class CausalNorm(FromStep):
    """Takes the running mean of each row away."""

    def __init__(self, rows: int, time_constant: float) -> None:
        super().__init__()
        self.mean = RunningMean(rows, time_constant)

    def init_state(self, rows: int) -> State:
        return nest("mean", self.mean.init_state(rows))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        mean_BFT, after = self.mean.step(x, child("mean", state))
        return x - mean_BFT, nest("mean", after)


class Pcen(FromStep):
    """Per-channel energy normalisation with trained gain, bias and root for each row (Wang 2017, arXiv:1607.05666).

    (E / (eps + M)^alpha + delta)^r - delta^r (eq. 1), where M is E smoothed over the past (eq. 2, here with weights
    that sum to one from the first frame on).
    """

    def __init__(
        self, rows: int, time_constant: float, alpha: float = 0.98, delta: float = 2.0, r: float = 0.5
    ) -> None:
        super().__init__()
        self.mean = RunningMean(rows, time_constant)
        # Trained as logarithms, so they stay positive.
        self.log_alpha = nn.Parameter(torch.full((rows, 1), math.log(alpha)))
        self.log_delta = nn.Parameter(torch.full((rows, 1), math.log(delta)))
        self.log_r = nn.Parameter(torch.full((rows, 1), math.log(r)))

    def init_state(self, rows: int) -> State:
        return nest("mean", self.mean.init_state(rows))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        mean_BFT, after = self.mean.step(x, child("mean", state))
        gain_BFT = torch.exp(-self.log_alpha.exp() * torch.log(mean_BFT + 1e-6))
        delta_F1, r_F1 = self.log_delta.exp(), self.log_r.exp()
        return (x * gain_BFT + delta_F1) ** r_F1 - delta_F1**r_F1, nest("mean", after)
