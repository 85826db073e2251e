"""Convolution along time that can run live: one module for whole signals and for streams of chunks.

Shapes: time is the last axis, [B, C, T] or [B, C, F, T]. Not causal: padded to 'same', T' = ceil(T / stride).
Causal: output j sees inputs up to (j + 1) * stride - 1, so a chunk's last output has heard its newest frame, and
T' = T // stride. A step takes a multiple of `stride` frames, which keeps the phase of the stride from chunk to chunk.
"""

from __future__ import annotations

from torch import Tensor, cat, nn
from torch.nn import functional as F

from models.streaming import State


class TimeConv(nn.Module):
    """Pads a Conv1d or Conv2d along its last axis, and remembers what a causal one needs of the past.

    `conv` itself must not pad time. `bins` is the size of the frequency axis that a Conv2d is given.
    """

    def __init__(self, conv: nn.Conv1d | nn.Conv2d, *, causal: bool, bins: int | None = None) -> None:
        super().__init__()
        self.conv, self.causal = conv, causal
        reach = (conv.kernel_size[-1] - 1) * conv.dilation[-1]
        # What the first output of a chunk needs of the past; a kernel shorter than its stride skips frames instead.
        self.past = max(reach - (conv.stride[-1] - 1), 0)
        self.skip = max((conv.stride[-1] - 1) - reach, 0) if causal else 0
        self.pad = (self.past, 0) if causal else (reach // 2, reach - reach // 2)
        self.state_shape = (conv.in_channels, self.past) if bins is None else (conv.in_channels, bins, self.past)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, self.pad)[..., self.skip :])

    def init_state(self, rows: int) -> State:
        """Silence before the first frame."""
        assert self.causal, "only a causal convolution streams"
        return {"past": self.conv.weight.new_zeros(rows, *self.state_shape)} if self.past else {}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The outputs of the next n * stride frames."""
        if not self.past:
            return self.conv(x[..., self.skip :]), {}
        joined = cat([state["past"], x], -1)
        return self.conv(joined), {"past": joined[..., -self.past :]}
