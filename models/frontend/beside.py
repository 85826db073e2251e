"""Stages side by side: several ways to see the same sound, stacked as rows of the same frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks.causal import FromStep
from models.streaming import State, Stateful, advance, child, nest


class Beside(nn.ModuleDict):
    """Runs every part on the same wave and stacks their rows: [B, N] -> [B, sum of rows, T]. Streams when they do."""

    def forward(self, wav_BN: Tensor) -> Tensor:
        return torch.cat([part(wav_BN) for part in self.values()], 1)

    def init_state(self, rows: int) -> State:
        state: State = {}
        for name, part in self.items():
            if isinstance(part, Stateful):
                state |= nest(name, part.init_state(rows))
        return state

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        out: list[Tensor] = []
        after: State = {}
        for name, part in self.items():
            rows_BFT, inner = advance(part, x, child(name, state))
            out.append(rows_BFT)
            after |= nest(name, inner)
        return torch.cat(out, 1), after


class Centred(nn.Module):
    """Gives `inner`, which takes frames of `length` samples from the first sample on, frames that are centred on
    sample t * hop; the ends are mirrored: T = 1 + N // hop, as CentredSpectrum has it."""

    def __init__(self, inner: nn.Module, length: int) -> None:
        super().__init__()
        self.inner, self.pad = inner, (length // 2, length - length // 2)

    def forward(self, wav_BN: Tensor) -> Tensor:
        return self.inner(F.pad(wav_BN[:, None], self.pad, mode="reflect")[:, 0])


class Past(FromStep):
    """The same with frames that end with sample (t + 1) * hop, silence before the start: T = N // hop, as
    CausalSpectrum has it."""

    silence: Tensor

    def __init__(self, inner: nn.Module, length: int, hop: int) -> None:
        super().__init__()
        self.inner = inner
        self.register_buffer("silence", torch.zeros(length - hop), persistent=False)

    def init_state(self, rows: int) -> State:
        return {"tail": self.silence.repeat(rows, 1)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        joined_BN = torch.cat([state["tail"], x], 1)
        return self.inner(joined_BN), {"tail": joined_BN[:, -self.silence.shape[0] :]}
