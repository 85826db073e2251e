"""Many live streams in one batch: each owns a row of the state arrays, and one graph call advances any of the rows.

Rows keep their own clocks. A call takes the rows that have sound ready, gathers their state, steps the graph once and
scatters the state back; rows with a different number of hops ready are another call. A slot is a row and a generation:
whoever held the row before has an older generation, so late sound never enters the next owner's stream and a late
answer never reaches the next owner.

The caller drives: no asyncio, no threads and no Ray in here. `step` may run in a worker thread while another thread
admits and releases.

Shapes: R rows of the pool, B rows of one call, N = F * hop samples, F frames, K labels.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonant.runtime.engine import Engine
from sonant.runtime.events import Event
from sonant.runtime.graph import State
from sonant.runtime.scores import PROBABILITIES, Floats
from sonant.runtime.segments import bank


class Slot(NamedTuple):
    """A place in the pool, as long as its generation is the row's."""

    row: int
    generation: int


@dataclass(slots=True)
class Frames:
    """What one step gave one stream."""

    logits_FK: Floats
    probability_FK: Floats
    events: list[Event]


class SlotPool:
    """`capacity` streams of one engine, their states and their event trackers; `point` names an operating point."""

    def __init__(self, engine: Engine, capacity: int, point: str | None = None) -> None:
        self.engine = engine
        self.info = engine.info
        self.capacity = capacity
        self.hop = engine.hop
        self.events = bank(engine.info, capacity, point)
        self._probabilities = PROBABILITIES[engine.info.task]
        self._fresh = engine.init_state(1)
        self._state_R = engine.init_state(capacity)
        self._batch = engine.init_state(capacity)
        self._chunks_RN = np.zeros((capacity, self.hop), np.float32)
        self._generation_R = [0] * capacity
        self._free = list(reversed(range(capacity)))
        self._rows = threading.Lock()
        """Held while state rows or their owners change; not while the graph runs."""
        self._stepping = threading.Lock()
        """Held during a step: the gathered batch belongs to it alone."""

    @property
    def used(self) -> int:
        """Slots that are taken."""
        return self.capacity - len(self._free)

    def admit(self) -> Slot | None:
        """A slot that has heard nothing; None when all are taken. The time it takes does not grow with capacity."""
        with self._rows:
            if not self._free:
                return None
            row = self._free.pop()
            for name, value in self._fresh.items():
                self._state_R[name][row] = value[0]
            self.events.reset(row)
            return Slot(row, self._generation_R[row])

    def release(self, slot: Slot) -> None:
        """Gives a slot back; the second time does nothing."""
        with self._rows:
            if self.holds(slot):
                self._generation_R[slot.row] += 1
                self._free.append(slot.row)

    def holds(self, slot: Slot) -> bool:
        """Whether the slot still belongs to the one it was given to."""
        return self._generation_R[slot.row] == slot.generation

    def step(self, ready: Mapping[Slot, Floats]) -> dict[Slot, Frames]:
        """Advances the given slots by their chunks (multiples of `hop` samples) and gives their frames.

        Chunks of one length share a call. Slots that were released before or meanwhile have no answer.
        """
        answers: dict[Slot, Frames] = {}
        with self._stepping:
            for size, group in groupby(sorted(ready.items(), key=_size), key=_size):
                answers |= self._step(list(group), size)
        return answers

    def flush(self, slot: Slot) -> list[Event]:
        """The events of a stream that ends which still wait for their report."""
        with self._rows:
            return self.events.flush(slot.row) if self.holds(slot) else []

    def _step(self, group: Sequence[tuple[Slot, Floats]], size: int) -> dict[Slot, Frames]:
        assert size > 0, "a chunk holds at least one hop"
        assert size % self.hop == 0, f"a chunk of {size} samples is no multiple of the hop {self.hop}"
        with self._rows:
            group = [item for item in group if self.holds(item[0])]
            if not group:
                return {}
            rows_B = np.array([slot.row for slot, _ in group], np.intp)
            state = self._gather(rows_B)
        chunk_BN = self._join([chunk for _, chunk in group], size)
        logits_BFK, after = self.engine.step(chunk_BN, state)
        probability_BFK = self._probabilities(logits_BFK)
        with self._rows:
            kept = [place for place, (slot, _) in enumerate(group) if self.holds(slot)]
            if len(kept) < len(group):
                rows_B, probability_BFK, logits_BFK = rows_B[kept], probability_BFK[kept], logits_BFK[kept]
                after = {name: value[kept] for name, value in after.items()}
            for name, value in after.items():
                self._state_R[name][rows_B] = value
            events = self.events.push(rows_B, probability_BFK)
        return {
            group[place][0]: Frames(logits_BFK[index], probability_BFK[index], events[index])
            for index, place in enumerate(kept)
        }

    def _gather(self, rows_B: NDArray[np.intp]) -> State:
        """The states of some rows, in buffers that are there already (mode="clip" keeps numpy from making its own)."""
        count = len(rows_B)
        return {
            name: np.take(value, rows_B, axis=0, out=self._batch[name][:count], mode="clip")
            for name, value in self._state_R.items()
        }

    def _join(self, chunks: Sequence[Floats], size: int) -> Floats:
        if self._chunks_RN.shape[1] < size:
            self._chunks_RN = np.zeros((self.capacity, size), np.float32)
        flat = self._chunks_RN.reshape(-1)[: len(chunks) * size]
        np.concatenate(chunks, out=flat)
        return flat.reshape(len(chunks), size)


def _size(item: tuple[Slot, Floats]) -> int:
    return len(item[1])
