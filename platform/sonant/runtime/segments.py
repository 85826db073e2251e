"""From probabilities of frames to segments: smoothing, hysteresis, hang-over, shortest lengths, a quiet time.

A label is on from the frame whose smoothed probability reaches `on`, until one falls under `off`. Gaps shorter than
`min_silence_ms` are bridged; so a segment is complete, and a live one reported, when its silence has lasted that long
(or `hang_ms`, if that is longer). The moving average delays what it smooths by half its length: times are set back by
that. The score is the mean smoothed probability while it was on. Recordings and streams go through the same code.

Shapes: R streams, B the rows of one call, F or T frames, K labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sonant.config.task import Postprocess
from sonant.errors import ModelError
from sonant.runtime.events import Event, EventBank
from sonant.runtime.info import BundleInfo
from sonant.runtime.scores import Floats

_NEVER = -1
_SAVED = ("now", "start", "fell", "sum", "count", "quiet_until")
"""What a track remembers, besides the latest probabilities."""


class Bank(Protocol):
    """The event state of many streams."""

    def reset(self, row: int) -> None: ...

    def save(self, row: int) -> dict[str, Any]: ...

    def load(self, row: int, saved: Mapping[str, Any]) -> None: ...

    def frames(self, row: int) -> int: ...

    def time(self, frame: int) -> float: ...

    def push(self, rows_B: NDArray[np.intp], probability_BFK: Floats) -> list[list[Event]]: ...

    def flush(self, row: int) -> list[Event]: ...


class Track:
    """One label of one stream."""

    def __init__(self, rule: Postprocess, label: str, frame_s: float, delay_s: float = 0.0) -> None:
        def frames(ms: float) -> int:
            return math.ceil(ms / 1000 / frame_s - 1e-6)

        self._label, self._frame_s = label, frame_s
        self._on, self._off = rule.on, rule.off
        self._width = max(1, round(rule.smooth_ms / 1000 / frame_s))
        self._hang, self._shortest = frames(rule.hang_ms), max(1, frames(rule.min_speech_ms))
        self._silence = max(1, self._hang, frames(rule.min_silence_ms))
        self._quiet = frames(rule.refractory_ms)
        self._back_s = delay_s + (self._width - 1) / 2 * frame_s
        self._recent = np.zeros(self._width - 1)
        self._now = 0
        self._start = self._fell = _NEVER
        self._sum, self._count = 0.0, 0
        self._quiet_until = 0

    def push(self, probability_F: NDArray[np.floating]) -> list[Event]:
        """Takes new frames; the segments that they complete."""
        smooth_F = self._smooth(probability_F)
        first, self._now = self._now, self._now + len(smooth_F)
        if self._start == _NEVER and float(smooth_F.max(initial=0.0)) < self._on:
            return []
        events: list[Event] = []
        for frame, value in enumerate(smooth_F.tolist(), first):
            if self._start == _NEVER:
                self._rise(frame, value)
            else:
                events.extend(self._go_on(frame, value))
        return events

    def flush(self) -> list[Event]:
        """The segment that is still on when the stream ends."""
        if self._start == _NEVER:
            return []
        if self._fell == _NEVER:
            return self._end(self._now, self._now)
        return self._end(self._fell, min(self._fell + self._hang, self._now))

    def save(self) -> dict[str, Any]:
        """All that is known of the stream."""
        return {"recent": self._recent, **{name: getattr(self, f"_{name}") for name in _SAVED}}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Goes on as another one was saved."""
        self._recent = saved["recent"]
        for name in _SAVED:
            setattr(self, f"_{name}", saved[name])

    def _smooth(self, probability_F: NDArray[np.floating]) -> NDArray[np.float64]:
        """Mean of each frame and those before it; before the first frame there are zeros."""
        joined = np.concatenate((self._recent, probability_F.astype(np.float64)))
        self._recent = joined[len(joined) - (self._width - 1) :]
        return np.lib.stride_tricks.sliding_window_view(joined, self._width).mean(axis=1)

    def _rise(self, frame: int, value: float) -> None:
        if value >= self._on and frame >= self._quiet_until:
            self._start, self._fell = frame, _NEVER
            self._sum, self._count = value, 1

    def _go_on(self, frame: int, value: float) -> list[Event]:
        if value >= (self._off if self._fell == _NEVER else self._on):
            self._fell = _NEVER
            self._sum, self._count = self._sum + value, self._count + 1
        elif self._fell == _NEVER:
            self._fell = frame
        if self._fell != _NEVER and frame - self._fell + 1 >= self._silence:
            return self._end(self._fell, self._fell + self._hang)
        return []

    def _end(self, fell: int, end: int) -> list[Event]:
        start, self._start = self._start, _NEVER
        if fell - start < self._shortest:
            return []
        self._quiet_until = fell + self._quiet
        return [Event(self._time(start), self._time(end), self._label, self._sum / self._count)]

    def _time(self, frame: int) -> float:
        return max(0.0, frame * self._frame_s - self._back_s)


class SegmentBank:
    """The segments of `capacity` streams, with the rules of an operating point."""

    def __init__(self, info: BundleInfo, capacity: int, point: str | None = None) -> None:
        if info.hop is None:
            raise ModelError("model.no_stream", f"{info.id} has no live frames")
        _, self._rules = point_of(info, point)
        self._labels = info.labels
        self._frame_s, self._delay_s = info.hop / info.sample_rate_hz, info.latency / info.sample_rate_hz
        self._frames = [0] * capacity
        self._tracks = [self._fresh() for _ in range(capacity)]

    def reset(self, row: int) -> None:
        """A row as if nothing had been heard."""
        self._frames[row], self._tracks[row] = 0, self._fresh()

    def save(self, row: int) -> dict[str, Any]:
        """All that is known of a row."""
        tracks = {str(label): track.save() for label, track in enumerate(self._tracks[row])}
        return {"frames": self._frames[row], "tracks": tracks}

    def load(self, row: int, saved: Mapping[str, Any]) -> None:
        """A row as it was saved, there or elsewhere."""
        self._frames[row] = saved["frames"]
        for label, track in enumerate(self._tracks[row]):
            track.load(saved["tracks"][str(label)])

    def frames(self, row: int) -> int:
        """Frames that a row has taken so far."""
        return self._frames[row]

    def time(self, frame: int) -> float:
        """When the sound of a frame ended, in seconds of the stream."""
        return max(0.0, (frame + 1) * self._frame_s - self._delay_s)

    def push(self, rows_B: NDArray[np.intp], probability_BFK: Floats) -> list[list[Event]]:
        """Takes F new frames of each of some rows (each row once); the segments that they complete, row by row."""
        for row in rows_B.tolist():
            self._frames[row] += probability_BFK.shape[1]
        return [
            [event for label, track in enumerate(self._tracks[row]) for event in track.push(probability_FK[:, label])]
            for row, probability_FK in zip(rows_B.tolist(), probability_BFK, strict=True)
        ]

    def flush(self, row: int) -> list[Event]:
        """The segments that are still on when the stream ends."""
        return [event for track in self._tracks[row] for event in track.flush()]

    def _fresh(self) -> list[Track]:
        named = zip(self._rules, self._labels, strict=True)
        return [Track(rule, label, self._frame_s, self._delay_s) for rule, label in named]


def bank(info: BundleInfo, capacity: int, point: str | None = None) -> Bank:
    """What turns the live probabilities of a bundle into events."""
    return EventBank(info, capacity) if info.detect is None else SegmentBank(info, capacity, point)


def point_of(info: BundleInfo, name: str | None) -> tuple[str, list[Postprocess]]:
    """The name of an operating point (the default one for None), and its rule for each label."""
    assert info.detect is not None, "the schema ties operating points to detectors"
    name = name or info.detect.default
    if name not in info.detect.points:
        hint = f"it has {', '.join(sorted(info.detect.points))}"
        raise ModelError("model.unknown", f"{info.id} has no operating point {name[:64]!r}", hint=hint)
    return name, [point.postprocess for point in info.detect.points[name]]


def segments(
    probability_TK: Floats, rules: Sequence[Postprocess], labels: Sequence[str], frame_s: float
) -> list[Event]:
    """The segments of a whole recording, by time."""
    found: list[Event] = []
    for label, (name, rule) in enumerate(zip(labels, rules, strict=True)):
        track = Track(rule, name, frame_s)
        found += track.push(probability_TK[:, label]) + track.flush()
    return sorted(found, key=lambda event: (event.t_start, event.t_end))
