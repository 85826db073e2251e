"""Blocks of the causal network. Time stands before channels, [B, T, C]: layer norms and matrix products, which are
what runtimes are fast at, then need no transposition.

A step costs the same arithmetic as a part of a whole signal; the depthwise filters are on the narrow side of the
block, so that the past that a stream carries is small (T - 1 taps of C channels, not of the hidden ones).
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from models.blocks.causal import FromStep
from models.blocks.norm import RunningMean
from models.streaming import State, child, nest

NormKind = Literal["channel", "cumulative"]
CUMULATIVE_FRAMES = 1000.0
"""Time constant of the cumulative norm: its sums stay small however long a stream lasts."""


class DepthwiseTime(FromStep):
    """A dilated filter of each channel over its past, without an offset: [B, T, C] -> [B, T, C]."""

    def __init__(self, channels: int, kernel: int, dilation: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(kernel)
        self.weight = nn.Parameter(torch.empty(kernel, channels).uniform_(-bound, bound))
        self.dilation, self.past = dilation, (kernel - 1) * dilation

    def init_state(self, rows: int) -> State:
        return {"past": self.weight.new_zeros(rows, self.past, self.weight.shape[1])}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        frames = x.shape[1]
        joined_BTC = torch.cat([state["past"], x], 1)
        y_BTC = self.weight[-1] * x
        for tap in range(len(self.weight) - 1):
            start = tap * self.dilation
            y_BTC = torch.addcmul(y_BTC, self.weight[tap], joined_BTC[:, start : start + frames])
        return y_BTC, {"past": joined_BTC[:, frames:]}


class CumulativeNorm(FromStep):
    """Layer norm over all channels and the (slowly fading) past; Luo and Mesgarani 2019, arXiv:1809.07454, eq. 15-17,
    whose sums grow without end."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.moments = RunningMean(2, CUMULATIVE_FRAMES)

    def init_state(self, rows: int) -> State:
        return nest("moments", self.moments.init_state(rows))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        moments_B2T, after = self.moments.step(
            torch.stack([x.mean(-1), x.square().mean(-1)], 1), child("moments", state)
        )
        mean_BT1, square_BT1 = moments_B2T[:, 0, :, None], moments_B2T[:, 1, :, None]
        variance_BT1 = (square_BT1 - mean_BT1.square()).clamp_min(0)
        return (x - mean_BT1) * torch.rsqrt(variance_BT1 + 1e-6) * self.weight + self.bias, nest("moments", after)


class Block(FromStep):
    """x + W2 relu(W1 norm(depthwise(x))): a separable block without the layer H -> H of the research system.

    The norm's offset is the only one: more would change nothing that it can tell, and each costs a pass.
    """

    def __init__(self, channels: int, hidden: int, kernel: int, dilation: int, norm: NormKind) -> None:
        super().__init__()
        self.depthwise = DepthwiseTime(channels, kernel, dilation)
        self.norm = CumulativeNorm(channels) if norm == "cumulative" else nn.LayerNorm(channels)
        self.widen, self.narrow = nn.Linear(channels, hidden, bias=False), nn.Linear(hidden, channels, bias=False)

    def init_state(self, rows: int) -> State:
        state = nest("depthwise", self.depthwise.init_state(rows))
        return state | nest("norm", self.norm.init_state(rows)) if isinstance(self.norm, CumulativeNorm) else state

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y_BTC, after = self.depthwise.step(x, child("depthwise", state))
        after = nest("depthwise", after)
        if isinstance(self.norm, CumulativeNorm):
            y_BTC, norm = self.norm.step(y_BTC, child("norm", state))
            after |= nest("norm", norm)
        else:
            y_BTC = self.norm(y_BTC)
        return x + self.narrow(torch.relu(self.widen(y_BTC))), after


class Film(nn.Module):
    """A gain and an offset for each channel, from the voice; Perez et al. 2018, arXiv:1709.07871."""

    def __init__(self, voice_size: int, channels: int) -> None:
        super().__init__()
        self.affine = nn.Linear(voice_size, 2 * channels)

    def forward(self, x_BTC: Tensor, voice_BE: Tensor) -> Tensor:
        gain_B1C, offset_B1C = self.affine(voice_BE)[:, None].chunk(2, -1)
        return x_BTC * (1 + gain_B1C) + offset_B1C


class Multiply(nn.Module):
    """A gain for each channel, from the voice; Delcroix et al. 2020, arXiv:2001.08378."""

    def __init__(self, voice_size: int, channels: int) -> None:
        super().__init__()
        self.gain = nn.Linear(voice_size, channels)

    def forward(self, x_BTC: Tensor, voice_BE: Tensor) -> Tensor:
        return x_BTC * (1 + self.gain(voice_BE)[:, None])


CONDITIONS = {"film": Film, "multiply": Multiply}
