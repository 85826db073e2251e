"""Regression deltas over five frames, stacked under the rows that they are taken from."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks.causal import FromStep
from models.streaming import State

REACH = 2


def slope(x_BFT: Tensor) -> Tensor:
    """Least-squares slope over each five neighbouring frames: [B, F, T + 4] -> [B, F, T]."""
    outer = x_BFT[..., 4:] - x_BFT[..., :-4]
    inner = x_BFT[..., 3:-1] - x_BFT[..., 1:-3]
    return (2.0 * outer + inner) / 10.0


class CentredDeltas(nn.Module):
    """Slopes around each frame, ends repeated: [B, F, T] -> [B, F (1 + order), T]."""

    def __init__(self, order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, x_BFT: Tensor) -> Tensor:
        parts = [x_BFT]
        for _ in range(self.order):
            parts.append(slope(F.pad(parts[-1], (REACH, REACH), mode="replicate")))
        return torch.cat(parts, 1)


class CausalDeltas(FromStep):
    """Slopes over the last five frames, the first frame repeated before the start."""

    fresh: Tensor

    def __init__(self, rows: int, order: int) -> None:
        super().__init__()
        self.rows, self.order = rows, order
        self.register_buffer("fresh", torch.ones(1), persistent=False)

    def init_state(self, rows: int) -> State:
        past = {f"past{index}": self.fresh.new_zeros(rows, self.rows, 2 * REACH) for index in range(self.order)}
        return {"fresh": self.fresh.new_ones(rows, 1, 1), **past}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        fresh_B11 = state["fresh"]
        parts, after = [x], {"fresh": torch.zeros_like(fresh_B11)}
        for index in range(self.order):
            last = parts[-1]
            # Where a stream begins, its first frame stands in for the past.
            past = torch.where(fresh_B11 > 0, last[..., :1], state[f"past{index}"])
            joined = torch.cat([past, last], -1)
            parts.append(slope(joined))
            after[f"past{index}"] = joined[..., -2 * REACH :]
        return torch.cat(parts, 1), after
