"""How loud a stream has been, and a norm that goes by it: both only look back, and only a hop at a time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.blocks.causal import FromStep
from models.blocks.norm import RunningMean
from models.streaming import State, child, nest


class RunningLevel(FromStep):
    """Root mean square of [B, T, C] over the past, the hop that a frame is in included: [B, T, 1].

    The past fades with `time_constant` hops, so neither an hour ago nor a pause of seconds decides; before that much
    has been heard, it is the mean of all there was. One value a hop keeps what whole recordings need small.
    """

    def __init__(self, hop: int, time_constant: float) -> None:
        super().__init__()
        self.hop = hop
        self.power = RunningMean(1, time_constant)

    def init_state(self, rows: int) -> State:
        return nest("power", self.power.init_state(rows))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        power_B1K = x.unflatten(1, (-1, self.hop)).square().mean((-2, -1))[:, None]
        mean_B1K, after = self.power.step(power_B1K, child("power", state))
        level_BK1 = mean_B1K.sqrt().transpose(1, 2)
        return level_BK1.expand(-1, -1, self.hop).flatten(1)[..., None], nest("power", after)


class LevelNorm(FromStep):
    """Divides [B, T, C] by its running level over all channels; each channel has a gain and an offset.

    Frames within a hop keep their proportions, which a norm of single frames would take from a wave.
    """

    def __init__(self, channels: int, hop: int, time_constant: float) -> None:
        super().__init__()
        self.level = RunningLevel(hop, time_constant)
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def init_state(self, rows: int) -> State:
        return nest("level", self.level.init_state(rows))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        level_BT1, after = self.level.step(x, child("level", state))
        return x / (level_BT1 + 1e-3) * self.weight + self.bias, nest("level", after)
