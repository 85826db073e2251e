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
from typing import Literal, TypedDict

import numpy as np

from sonant.audio.resample import StreamResampler
from sonant.runtime.events import Event
from sonant.runtime.scores import Floats
from sonant.runtime.slots import Frames, Slot, SlotPool

_MAX_CHUNK_S = 0.2
"""Most sound in one step, so that a client that sends minutes at once does not make the others wait for it."""


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


class LiveSession:
    """The stream of one client on one slot of a pool."""

    def __init__(self, pool: SlotPool, slot: Slot, rate_hz: int, *, scores: bool = False) -> None:
        self.slot = slot
        self._pool = pool
        self._rate_hz = rate_hz
        self._scores = scores
        self._resampler = StreamResampler(rate_hz, pool.info.sample_rate_hz)
        self._waiting = np.zeros(0, np.float32)
        self._max_chunk = max(1, int(_MAX_CHUNK_S * pool.info.sample_rate_hz / pool.hop)) * pool.hop
        self._frames = 0
        self.received = 0
        """Samples that the client sent, at its rate."""
        self.resampled = 0
        """Samples that this made at the model's rate."""
        self.padded = 0
        """Zeros that `flush` put after them."""
        self.stepped = 0
        """Samples handed out by `ready`: in the end all that were resampled and padded."""

    @property
    def audio_s(self) -> float:
        """Seconds of sound that the client sent."""
        return self.received / self._rate_hz

    @property
    def backlog_s(self) -> float:
        """Seconds of sound that wait to be stepped."""
        return len(self._waiting) / self._pool.info.sample_rate_hz

    def push(self, pcm_N: Floats) -> None:
        """Takes mono float samples at the client's rate, any number of them."""
        self.received += len(pcm_N)
        self._append(self._resampler.push(pcm_N))

    def ready(self) -> Floats | None:
        """The next whole hops, at most a fifth of a second of them; None when less than a hop waits."""
        size = min(len(self._waiting) // self._pool.hop * self._pool.hop, self._max_chunk)
        if size == 0:
            return None
        chunk, self._waiting = self._waiting[:size], self._waiting[size:]
        self.stepped += size
        return chunk

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
        self._append(self._resampler.flush())
        if self.resampled:
            self.padded = self._pool.info.latency
            self.padded += -(self.resampled + self.padded) % self._pool.hop
            self._waiting = np.append(self._waiting, np.zeros(self.padded, np.float32))

    def finish(self) -> list[Message]:
        """The events that still waited for their report when the stream ended."""
        return self._messages(self._pool.flush(self.slot))

    def _append(self, wav_N: Floats) -> None:
        self.resampled += len(wav_N)
        self._waiting = np.concatenate((self._waiting, wav_N))

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
