"""A stream that comes out later."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.streaming import State


class Delay(nn.Module):
    """Gives [B, T, C] `frames` frames later, zeros first."""

    like: Tensor

    def __init__(self, frames: int, channels: int) -> None:
        super().__init__()
        self.frames, self.channels = frames, channels
        self.register_buffer("like", torch.zeros(()), persistent=False)

    def init_state(self, rows: int) -> State:
        return {"past": self.like.new_zeros(rows, self.frames, self.channels)} if self.frames else {}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        if not self.frames:
            return x, {}
        joined_BTC = torch.cat([state["past"], x], 1)
        return joined_BTC[:, : x.shape[1]], {"past": joined_BTC[:, x.shape[1] :]}
