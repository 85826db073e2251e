"""A block that is causal by construction: written once as a step, a whole signal is one long step."""

from __future__ import annotations

from torch import Tensor, nn

from models.streaming import State


class FromStep(nn.Module):
    """A causal block: a whole signal is one long step from the initial state."""

    def init_state(self, rows: int) -> State:
        raise NotImplementedError

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.step(x, self.init_state(x.shape[0]))[0]
