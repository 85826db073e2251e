"""One live client: sound of any rate in chunks of any size goes in, messages come out.

A session turns the client's chunks into whole hops at the model's rate and counts every sample on the way. It does no
inference: whoever drives the pool asks each session for what is `ready`, steps the pool once for all, and hands each
its frames back:

    ready = {session.slot: chunk for session in sessions if (chunk := session.ready()) is not None}
    for slot, frames in pool.step(ready).items():
        messages = by_slot[slot].take(frames)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypedDict

from sonant.runtime.events import Event
from sonant.runtime.intake import Intake
from sonant.runtime.slots import Frames, Slot, SlotPool


class EventMessage(TypedDict):
    type: Literal["event"]
    t_start: float
    t_end: float
    label: str
    score: float


class ScoresMessage(TypedDict):
    type: Literal["scores"]
    t: float
    scores: dict[str, float]


Message = EventMessage | ScoresMessage


class LiveSession(Intake):
    """The stream of one client on one slot of a pool."""

    def __init__(self, pool: SlotPool, slot: Slot, rate_hz: int, *, scores: bool = False) -> None:
        super().__init__(rate_hz, pool.info.sample_rate_hz, pool.hop)
        self.slot = slot
        self._pool = pool
        self._scores = scores
        self._frames = 0

    def take(self, frames: Frames) -> list[Message]:
        """The messages of the frames that a step gave this session's slot: events, and the latest scores when asked."""
        messages: list[Message] = []
        self._frames += len(frames.probability_FK)
        if self._scores:
            latest_K = dict(zip(self._pool.info.labels, frames.probability_FK[-1].tolist(), strict=True))
            time = self._clip(self._pool.events.time(self._frames - 1))
            messages.append({"type": "scores", "t": time, "scores": latest_K})
        messages.extend(self._messages(frames.events))
        return messages

    def flush(self) -> None:
        """The client has ended: zeros fill the last hop, and the network's delay, so that every sample gets its frame.

        Ask for what is `ready` until there is nothing, then `finish`. Nothing may be pushed any more.
        """
        self._end(self._pool.info.latency)

    def finish(self) -> list[Message]:
        """The events that still waited for their report when the stream ended."""
        return self._messages(self._pool.flush(self.slot))

    def save(self) -> dict[str, Any]:
        """All that it takes to go on from here, besides what the pool saves."""
        return {**super().save(), "frames": self._frames}

    def load(self, saved: dict[str, Any]) -> None:
        """Goes on from there."""
        super().load(saved)
        self._frames = saved["frames"]

    def _messages(self, events: Iterable[Event]) -> list[Message]:
        return [
            {
                "type": "event",
                "t_start": self._clip(event.t_start),
                "t_end": self._clip(event.t_end),
                "label": event.label,
                "score": event.score,
            }
            for event in events
        ]

    def _clip(self, time_s: float) -> float:
        """Times end with the client's sound: the last frame may speak of zeros behind it."""
        return round(min(time_s, self.audio_s), 4)
