"""Many live streams in one batch: each owns a row of the state arrays, and one graph call advances any of the rows.

Rows keep their own clocks. A call takes the rows that have sound ready, gathers their state, steps the graph once and
scatters the state back; rows with a different number of hops ready are another call. While the very same slots come
again, call after call, as those of live clients mostly do, their state stays a batch and is not copied.

A slot is a row and a generation: whoever held the row before has an older generation, so late sound never enters the
next owner's stream and a late answer never reaches the next owner.

A row may hold more than the graph gives back: what a step leaves out of the state after it stays as it was given with
`admit`, such as the voice that an extractor is to follow (`runtime.voice_slots`).

The caller drives: no asyncio, no threads and no Ray in here. `step` may run in a worker thread while another thread
admits and releases.

Shapes: R rows of the pool, B rows of one call, N = F * hop samples, F frames, K labels.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from sonant.runtime.engine import Engine
from sonant.runtime.events import Event
from sonant.runtime.graph import Array, State
from sonant.runtime.scores import Floats, probabilities
from sonant.runtime.segments import bank

Answer = TypeVar("Answer")
Rows = NDArray[np.intp]


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


class Pool(ABC, Generic[Answer]):
    """`capacity` streams that begin with the state `fresh` (one row), whatever a step of them gives."""

    def __init__(self, capacity: int, hop: int, fresh: State) -> None:
        self.capacity = capacity
        self.hop = hop
        self._fresh = fresh
        self._state_R = {name: np.repeat(value, capacity, axis=0) for name, value in fresh.items()}
        self._batch = {name: np.empty_like(value) for name, value in self._state_R.items()}
        self._kept: tuple[Sequence[Slot], State] = ((), {})
        """The slots of the last call and the state after it, newer than that in the rows."""
        self._chunks_RN = np.zeros((capacity, hop), np.float32)
        self._generation_R = [0] * capacity
        self._free = list(reversed(range(capacity)))
        self._rows = threading.Lock()
        """Held while state rows or their owners change; not while the graph runs."""
        self._stepping = threading.Lock()
        """Held during a step: the gathered batch belongs to it alone."""

    @abstractmethod
    def _advance(self, chunk_BN: Floats, state: State) -> tuple[tuple[Array, ...], State]:
        """Runs the graph: outputs, rows first, and the state after it."""

    @abstractmethod
    def _answers(self, rows_B: Rows, outputs: tuple[Array, ...]) -> list[Answer]:
        """What each of the rows gets of the outputs; the rows are locked."""

    def _begun(self, row: int) -> None:
        """Told when a stream begins; the rows are locked."""

    @property
    def used(self) -> int:
        """Slots that are taken."""
        return self.capacity - len(self._free)

    def admit(self, **held: Array) -> Slot | None:
        """A slot that has heard nothing, with values of its own in place of what `fresh` has; None when all are taken.
        The time it takes does not grow with capacity."""
        with self._rows:
            if not self._free:
                return None
            row = self._free.pop()
            for name, value in self._fresh.items():
                self._state_R[name][row] = held.get(name, value[0])
            self._begun(row)
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

    def save(self, slot: Slot) -> dict[str, Any]:
        """All that the stream of a slot is made of, to go on from in any pool of the same bundle. Not while the slot is
        being stepped."""
        with self._rows:
            assert self.holds(slot), "a slot is saved by the one that it belongs to"
            slots, after = self._kept
            # A state may be one number a row: np.array keeps it an array.
            state = {name: np.array(value[slot.row]) for name, value in self._state_R.items()}
            if slot in slots:
                place = slots.index(slot)
                state |= {name: np.array(value[place]) for name, value in after.items()}
            return {"state": state, "answers": self._save(slot.row)}

    def load(self, slot: Slot, saved: Mapping[str, Any]) -> None:
        """A slot that has heard nothing goes on as the one that was saved."""
        with self._rows:
            assert self.holds(slot), "a slot is loaded by the one that it belongs to"
            for name, value_R in self._state_R.items():
                value_R[slot.row] = saved["state"][name]
            self._load(slot.row, saved["answers"])

    def _save(self, row: int) -> dict[str, Any]:
        """What `_answers` remembers of a stream; the rows are locked."""
        return {}

    def _load(self, row: int, saved: Mapping[str, Any]) -> None:
        """The opposite of `_save`."""

    def step(self, ready: Mapping[Slot, Floats]) -> dict[Slot, Answer]:
        """Advances the given slots by their chunks (multiples of `hop` samples) and gives their answers.

        Chunks of one length share a call. Slots that were released before or meanwhile have no answer.
        """
        answers: dict[Slot, Answer] = {}
        with self._stepping:
            for size, group in groupby(sorted(ready.items(), key=_size_and_slot), key=_size):
                answers |= self._step(list(group), size)
        return answers

    def _step(self, group: Sequence[tuple[Slot, Floats]], size: int) -> dict[Slot, Answer]:
        assert size > 0, "a chunk holds at least one hop"
        assert size % self.hop == 0, f"a chunk of {size} samples is no multiple of the hop {self.hop}"
        with self._rows:
            group = [item for item in group if self.holds(item[0])]
            if not group:
                return {}
            slots = [slot for slot, _ in group]
            rows_B = np.array([slot.row for slot in slots], np.intp)
            state = self._batch_of(slots, rows_B)
        chunk_BN = self._join([chunk for _, chunk in group], size)
        outputs, after = self._advance(chunk_BN, state)
        with self._rows:
            self._kept = (slots, after)
            kept = [place for place, slot in enumerate(slots) if self.holds(slot)]
            if len(kept) < len(slots):
                rows_B, outputs = rows_B[kept], tuple(output[kept] for output in outputs)
            answers = self._answers(rows_B, outputs)
        return {slots[place]: answer for place, answer in zip(kept, answers, strict=True)}

    def _batch_of(self, slots: Sequence[Slot], rows_B: Rows) -> State:
        """The states of some slots: those of the last call as they are, others from their rows."""
        before, after = self._kept
        if before != slots:
            self._put_back()
            return self._gather(rows_B, self._state_R)
        held = {name: value for name, value in self._state_R.items() if name not in after}
        return after | self._gather(rows_B, held)

    def _put_back(self) -> None:
        """Scatters what the last call left into the rows of those who are still there; the rows are locked."""
        slots, after = self._kept
        kept = [place for place, slot in enumerate(slots) if self.holds(slot)]
        rows_B = np.array([slots[place].row for place in kept], np.intp)
        for name, value in after.items():
            self._state_R[name][rows_B] = value if len(kept) == len(slots) else value[kept]
        self._kept = ((), {})

    def _gather(self, rows_B: Rows, state_R: State) -> State:
        """The states of some rows, in buffers that are there already (mode="clip" keeps numpy from making its own)."""
        count = len(rows_B)
        return {
            name: np.take(value, rows_B, axis=0, out=self._batch[name][:count], mode="clip")
            for name, value in state_R.items()
        }

    def _join(self, chunks: Sequence[Floats], size: int) -> Floats:
        if self._chunks_RN.shape[1] < size:
            self._chunks_RN = np.zeros((self.capacity, size), np.float32)
        flat = self._chunks_RN.reshape(-1)[: len(chunks) * size]
        np.concatenate(chunks, out=flat)
        return flat.reshape(len(chunks), size)


class SlotPool(Pool[Frames]):
    """Streams of one engine, their states and their event trackers; `point` names an operating point."""

    def __init__(self, engine: Engine, capacity: int, point: str | None = None) -> None:
        super().__init__(capacity, engine.hop, engine.init_state(1))
        self.engine = engine
        self.info = engine.info
        self.events = bank(engine.info, capacity, point)

    def flush(self, slot: Slot) -> list[Event]:
        """The events of a stream that ends which still wait for their report."""
        with self._rows:
            return self.events.flush(slot.row) if self.holds(slot) else []

    def _save(self, row: int) -> dict[str, Any]:
        return self.events.save(row)

    def _load(self, row: int, saved: Mapping[str, Any]) -> None:
        self.events.load(row, saved)

    def _begun(self, row: int) -> None:
        self.events.reset(row)

    def _advance(self, chunk_BN: Floats, state: State) -> tuple[tuple[Array, ...], State]:
        logits_BFK, after = self.engine.step(chunk_BN, state)
        return (logits_BFK, probabilities(logits_BFK, self.info.link)), after

    def _answers(self, rows_B: Rows, outputs: tuple[Array, ...]) -> list[Frames]:
        logits_BFK, probability_BFK = outputs
        events = self.events.push(rows_B, probability_BFK)
        return [Frames(*frames) for frames in zip(logits_BFK, probability_BFK, events, strict=True)]


def _size_and_slot(item: tuple[Slot, Floats]) -> tuple[int, Slot]:
    return len(item[1]), item[0]


def _size(item: tuple[Slot, Floats]) -> int:
    return len(item[1])
