"""Many live streams of one causal extractor in one pool of states, any of which a step may advance.

    forward(chunk [B, N], voice [B, E], slot [B], pool) -> (Live, pool)

A row of every tensor of the pool is a slot. The past of the filters, most of the state, lies in rings: a step writes
its frames and reads the taps, and copies nothing else. A runtime that is given the pool as input and output at once
(onnxruntime: one buffer bound to both) then touches only what changes. What is read from a ring is read after the
write, and what is written to the other tensors depends on what was read from them, so one buffer is enough.

Shapes: S slots, B streams of this step, T frames, R frames of a ring, C channels.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from models.extract.base import Live
from models.extract.causal import CausalExtractor
from models.extract.frames import DepthwiseTime
from models.streaming import State

_RING, _SLOT, _CLOCK = ".ring", ".slot", ".clock"


class RingFilter(nn.Module):
    """DepthwiseTime on rings of `frames` more than its past: the most that a step may take."""

    def __init__(self, filter: DepthwiseTime, frames: int) -> None:
        super().__init__()
        self.weight, self.dilation, self.size = filter.weight, filter.dilation, filter.past + frames

    def init_state(self, rows: int) -> State:
        return {"ring": self.weight.new_zeros(rows, self.size, self.weight.shape[1])}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        slot_BT = state["slot"][:, None].expand(x.shape[:2])
        place_BT = state["clock"][:, None] + torch.arange(x.shape[1], device=x.device)
        ring_SRC = state["ring"].index_put((slot_BT, place_BT % self.size), x)
        y_BTC = self.weight[-1] * x
        last = len(self.weight) - 1
        for tap in range(last):
            # Never negative: an exported remainder has the sign of what is divided.
            past_BT = (place_BT + self.size - (last - tap) * self.dilation) % self.size
            y_BTC = y_BTC + self.weight[tap] * ring_SRC[slot_BT, past_BT]
        return y_BTC, {"ring": ring_SRC}


class PooledStep(nn.Module):
    """The step of a causal extractor on a pool, for chunks of up to `frames` hops. It shares nothing with the model."""

    def __init__(self, model: CausalExtractor, frames: int) -> None:
        super().__init__()
        assert not model.delay or frames <= model.delay, "channels that are fed back come no sooner than their delay"
        self.model = deepcopy(model).eval()
        for part in list(self.model.modules()):
            for name, filter in part.named_children():
                if isinstance(filter, DepthwiseTime):
                    setattr(part, name, RingFilter(filter, frames))
        self.hop = model.hop

    def init_pool(self, slots: int) -> State:
        """Slots of streams that have heard nothing. To begin a slot anew, fill its row of each tensor with zeros."""
        like = next(self.parameters())
        clock = torch.zeros(slots, dtype=torch.int64, device=like.device)
        return {"clock": clock, **self.model.init_state(slots)}

    def forward(self, chunk_BN: Tensor, voice_BE: Tensor, slot_B: Tensor, pool: State) -> tuple[Live, State]:
        """A slot may stand in `slot` once; the slots that do not are left as they are."""
        clock_B = pool["clock"][slot_B]
        state: State = {}
        for name, value in pool.items():
            if name.endswith(_RING):
                part = name.removesuffix(_RING)
                state |= {name: value, part + _SLOT: slot_B, part + _CLOCK: clock_B}
            else:
                state[name] = value[slot_B]
        live, after = self.model.step(chunk_BN, state, voice_BE)
        after["clock"] = clock_B + chunk_BN.shape[1] // self.hop
        kept = {
            name: after[name] if name.endswith(_RING) else value.index_put((slot_B,), after[name])
            for name, value in pool.items()
        }
        return live, kept
