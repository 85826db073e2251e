"""From live frame probabilities to events: smoothing, threshold, release and a quiet time, for many streams at once.

A label starts when its probability, averaged over `smooth_ms`, reaches `threshold`. It is reported `smooth_ms` later
(or as soon as it falls under `release`), with the best score until then: by that time the average holds nothing from
before the start, so the score says how sure the network became rather than that it passed the threshold. The label
can start again once it has been under `release`; a start within `refractory_ms` of its last event is swallowed.
Nothing starts before a stream is half of `window_ms` old: until then its frames are pooled over too little to be
trusted, and what was said that early is still in the window later.

Times are seconds since the stream began. A frame speaks of the `window_ms` of sound that its logits are pooled over,
and the average delays it by half of `smooth_ms`: so `t_start` lies half of both before the frame that started it.
`t_end` is the end of the frame with the best score.

Shapes: R streams (slots), B the rows of one call, F frames, K labels, W the frames before a new one
that are averaged with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonant.errors import ModelError
from sonant.runtime.info import BundleInfo
from sonant.runtime.scores import Floats, probabilities

Rows = NDArray[np.intp]

_NEVER = -1


@dataclass(frozen=True, slots=True)
class Event:
    """A label heard in a stream."""

    t_start: float
    t_end: float
    label: str
    score: float


class EventBank:
    """The event state of `capacity` streams in arrays, so that one call advances any subset of them."""

    def __init__(self, info: BundleInfo, capacity: int) -> None:
        if info.hop is None:
            raise ModelError("model.no_stream", f"{info.id} has no live frames")
        rule, hop_ms = info.events, 1000 * info.hop / info.sample_rate_hz
        self._labels = info.labels
        self._threshold, self._release = rule.threshold, rule.release
        self._width = max(1, round(rule.smooth_ms / hop_ms))
        self._quiet = math.ceil(rule.refractory_ms / hop_ms)
        self._young = math.ceil(info.window_ms / hop_ms / 2)
        self._frame_s = hop_ms / 1000
        self._delay_s = info.latency / info.sample_rate_hz
        self._lead_s = (info.window_ms / 1000 + self._width * self._frame_s) / 2
        self._watched_K = np.array([label not in info.background for label in info.labels])
        size = (capacity, len(info.labels))
        self._recent_RWK = np.zeros((capacity, self._width - 1, len(info.labels)), np.float32)
        self._frames_R = np.zeros(capacity, np.int64)
        self._armed_RK = np.ones(size, bool)
        self._start_RK = np.full(size, _NEVER, np.int64)
        self._best_RK = np.zeros(size, np.float32)
        self._best_at_RK = np.zeros(size, np.int64)
        self._quiet_until_RK = np.zeros(size, np.int64)

    def reset(self, row: int) -> None:
        """A row as if nothing had been heard."""
        self._recent_RWK[row] = 0
        self._frames_R[row] = 0
        self._armed_RK[row] = True
        self._start_RK[row] = _NEVER
        self._quiet_until_RK[row] = 0

    def save(self, row: int) -> dict[str, Any]:
        """All that is known of a row."""
        return {name: value_R[row : row + 1].copy() for name, value_R in self._arrays().items()}

    def load(self, row: int, saved: Mapping[str, Any]) -> None:
        """A row as it was saved, there or elsewhere."""
        for name, value_R in self._arrays().items():
            value_R[row] = saved[name][0]

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "recent": self._recent_RWK,
            "frames": self._frames_R,
            "armed": self._armed_RK,
            "start": self._start_RK,
            "best": self._best_RK,
            "best_at": self._best_at_RK,
            "quiet_until": self._quiet_until_RK,
        }

    def frames(self, row: int) -> int:
        """Frames that a row has taken so far."""
        return int(self._frames_R[row])

    def time(self, frame: int) -> float:
        """When the sound of a frame ended, in seconds of the stream."""
        return max(0.0, (frame + 1) * self._frame_s - self._delay_s)

    def push(self, rows_B: Rows, probability_BFK: Floats) -> list[list[Event]]:
        """Takes F new frames of each of some rows (each row once); the events that they complete, row by row."""
        events: list[list[Event]] = [[] for _ in rows_B]
        now_B = self._frames_R[rows_B]
        self._frames_R[rows_B] = now_B + probability_BFK.shape[1]
        smooth_BFK = self._smooth(rows_B, probability_BFK)
        waits = (self._start_RK[rows_B] != _NEVER).any()
        if not waits and not ((smooth_BFK >= self._release) & self._watched_K).any():
            # Most calls end here: nobody hears anything.
            self._armed_RK[rows_B] = True
            return events
        for frame in range(smooth_BFK.shape[1]):
            self._advance(rows_B, now_B + frame, smooth_BFK[:, frame], events)
        return events

    def flush(self, row: int) -> list[Event]:
        """Reports what has started and waits for its report: the stream ends."""
        return [self._report(row, int(label)) for label in np.flatnonzero(self._start_RK[row] != _NEVER)]

    def _smooth(self, rows_B: Rows, probability_BFK: Floats) -> Floats:
        """Mean over each frame and those before it. Before a stream's first frame there are zeros: a first frame alone
        convinces nobody."""
        width, frames = self._width, probability_BFK.shape[1]
        joined_BTK = np.concatenate((self._recent_RWK[rows_B], probability_BFK), axis=1)
        self._recent_RWK[rows_B] = joined_BTK[:, frames:]
        sum_BTK = joined_BTK.cumsum(axis=1, dtype=np.float64)
        sum_BFK = sum_BTK[:, width - 1 :]
        sum_BFK[:, 1:] -= sum_BTK[:, : frames - 1].copy()
        return (sum_BFK / width).astype(np.float32)

    def _advance(
        self, rows_B: Rows, now_B: NDArray[np.int64], smooth_BK: Floats, events: Sequence[list[Event]]
    ) -> None:
        low_BK = smooth_BK < self._release
        start_BK = self._start_RK[rows_B]
        waiting_BK = start_BK != _NEVER
        armed_BK = self._armed_RK[rows_B] | (low_BK & ~waiting_BK)
        old_B1 = now_B[:, None] >= self._young
        rising_BK = armed_BK & self._watched_K & (smooth_BK >= self._threshold) & old_B1
        self._armed_RK[rows_B] = armed_BK & ~rising_BK
        self._follow(rows_B, now_B, smooth_BK, rising_BK, waiting_BK)
        due_BK = waiting_BK & (low_BK | (now_B[:, None] - start_BK >= self._width))
        for place, label in zip(*np.nonzero(due_BK), strict=True):
            events[place].append(self._report(int(rows_B[place]), int(label)))

    def _follow(
        self,
        rows_B: Rows,
        now_B: NDArray[np.int64],
        smooth_BK: Floats,
        rising_BK: NDArray[np.bool_],
        waiting_BK: NDArray[np.bool_],
    ) -> None:
        """Notes new starts outside their quiet time, and better scores of those that wait for their report."""
        now_B1 = now_B[:, None]
        new_BK = rising_BK & (now_B1 >= self._quiet_until_RK[rows_B])
        better_BK = new_BK | (waiting_BK & (smooth_BK > self._best_RK[rows_B]))
        self._start_RK[rows_B] = np.where(new_BK, now_B1, self._start_RK[rows_B])
        self._best_RK[rows_B] = np.where(better_BK, smooth_BK, self._best_RK[rows_B])
        self._best_at_RK[rows_B] = np.where(better_BK, now_B1, self._best_at_RK[rows_B])

    def _report(self, row: int, label: int) -> Event:
        start, best_at = int(self._start_RK[row, label]), int(self._best_at_RK[row, label])
        self._start_RK[row, label] = _NEVER
        self._quiet_until_RK[row, label] = best_at + self._quiet
        t_start = max(0.0, self.time(start) - self._lead_s)
        return Event(t_start, self.time(best_at), self._labels[label], float(self._best_RK[row, label]))


class Events:
    """The events of a single stream."""

    def __init__(self, info: BundleInfo) -> None:
        self._bank, self._link = EventBank(info, 1), info.link
        self._row = np.zeros(1, np.intp)

    def push(self, logits_FK: Floats) -> list[Event]:
        """Takes the logits of F new frames; the events that they complete."""
        return self._bank.push(self._row, probabilities(logits_FK, self._link)[None])[0]

    def flush(self) -> list[Event]:
        """The events that still wait for their report when the stream ends."""
        return self._bank.flush(0)
