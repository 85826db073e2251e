"""Twice and half the sample rate by windowed sincs, exactly the same for whole waves and for streams.

Every second sample of the double rate is a sample of the single one, the others are interpolated with 2 Z taps: a sinc
with Z zero crossings on each side under a Hann window. Nothing is approximated at the edges of a chunk, so an answer
waits for the taps that it needs. Shapes: B waves, N samples.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from models.blocks.causal import FromStep
from models.streaming import State


def _half_way(zeros: int) -> Tensor:
    """Taps [2 Z] that tell what is half-way between the two samples in the middle."""
    place = torch.arange(-zeros, zeros, dtype=torch.float64) + 0.5
    taps = torch.sinc(place) * torch.cos(math.pi / (2 * zeros) * place).square()
    return (taps / taps.sum()).float()


class _Sinc(FromStep):
    taps: Tensor

    def __init__(self, zeros: int, past: int) -> None:
        super().__init__()
        self.zeros, self.past = zeros, past
        self.register_buffer("taps", _half_way(zeros)[None, None], persistent=False)

    def init_state(self, rows: int) -> State:
        return {"past": self.taps.new_zeros(rows, self.past)}

    def between(self, wav_BN: Tensor) -> Tensor:
        """[B, N + 2 Z - 1] -> [B, N]."""
        return F.conv1d(wav_BN[:, None], self.taps)[:, 0]


class Upsample2(_Sinc):
    """[B, N] -> [B, 2 N], Z samples of the lower rate late."""

    def __init__(self, zeros: int) -> None:
        super().__init__(zeros, 2 * zeros - 1)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        samples = x.shape[1]
        joined_BN = torch.cat([state["past"], x], 1)
        even_BN = joined_BN[:, self.zeros - 1 : self.zeros - 1 + samples]
        double_BN = torch.stack([even_BN, self.between(joined_BN)], -1).flatten(1)
        return double_BN, {"past": joined_BN[:, samples:]}


class Downsample2(_Sinc):
    """[B, 2 N] -> [B, N], Z - 1 samples of the lower rate late; with `odd`, it first waits one sample more, where the
    first sample of a chunk is not one that the lower rate keeps."""

    def __init__(self, zeros: int, *, odd: bool) -> None:
        super().__init__(zeros, 4 * zeros - 2 + odd)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        samples = x.shape[1]
        joined_BN = torch.cat([state["past"], x], 1)
        pair_BN2 = joined_BN[:, : samples + 4 * self.zeros - 2].unflatten(1, (-1, 2))
        even_BN = pair_BN2[:, self.zeros : self.zeros + samples // 2, 0]
        return 0.5 * (even_BN + self.between(pair_BN2[..., 1])), {"past": joined_BN[:, samples:]}
