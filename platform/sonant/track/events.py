"""events.jsonl: what happened in a run, one JSON object a line, only ever appended to.

    {"time": 1760000000.0, "kind": "epoch", "epoch": 3, "metrics": {"accuracy": 0.91}, ...}

kinds: start, step, epoch, examples, checkpoint, end. A disk gets each line at once. An object store cannot append:
there the file is written anew at every event but `step`, whose lines wait for the next one. A killed run leaves lines
behind that come after its last checkpoint; `history` drops them when the run was continued.
"""

from __future__ import annotations

import json
import math
import time
from typing import Any, BinaryIO, cast

from sonant.track import files

Event = dict[str, Any]

FILE = "events.jsonl"


class EventLog:
    """Appends events to a run's file. One process writes; any number may read meanwhile."""

    def __init__(self, run: str) -> None:
        self._path = files.join(run, FILE)
        self._lines = b""
        self._file: BinaryIO | None = None
        kept = _whole_lines(files.read_bytes(self._path)) if files.exists(self._path) else b""
        disk = files.on_disk(self._path)
        if disk is None:
            self._lines = kept
        else:
            self._file = open(disk, "ab")  # noqa: SIM115 - open as long as the log lives
            self._file.truncate(len(kept))  # a killed writer may have left half a line

    def __call__(self, event: Event) -> None:
        """Adds the time and writes one line."""
        line = json.dumps({"time": round(time.time(), 3), **finite(event)}, ensure_ascii=False, allow_nan=False)
        with files.disk_full(self._path):
            self._append(line.encode() + b"\n", flush=event["kind"] != "step")

    def _append(self, line: bytes, *, flush: bool) -> None:
        if self._file is not None:
            self._file.write(line)
            self._file.flush()
            return
        self._lines += line
        if flush:
            files.write_bytes(self._path, self._lines)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class EventTail:
    """Reads a run's events as they are written: each call of `new` gives those since the last one."""

    def __init__(self, run: str, *, from_start: bool = True) -> None:
        self._path = files.join(run, FILE)
        self._seen = 0
        if not from_start:
            self.new()

    def new(self) -> list[Event]:
        if not files.exists(self._path):
            return []
        found, inner = files.filesystem(self._path)
        size = cast(int, found.size(inner))
        if size <= self._seen:
            return []
        data = _whole_lines(cast(bytes, found.cat_file(inner, start=self._seen, end=size)))
        self._seen += len(data)
        return _parse(data)


def read(run: str) -> list[Event]:
    """All events of a run, in the order they were written."""
    return EventTail(run).new()


def history(events: list[Event]) -> list[Event]:
    """The events that led to the run's present state: what a continued run did again is dropped once."""
    kept: list[Event] = []
    for event in events:
        if event["kind"] == "start":
            kept = [old for old in kept if old.get("step", 0) <= event["step"] and old["kind"] != "end"]
        kept.append(event)
    return kept


def finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(below) for key, below in cast(dict[str, Any], value).items()}
    if isinstance(value, list | tuple):
        return [finite(below) for below in cast(list[Any], value)]
    return value


def _whole_lines(data: bytes) -> bytes:
    return data[: data.rfind(b"\n") + 1]


def _parse(data: bytes) -> list[Event]:
    return [cast(Event, json.loads(line)) for line in data.splitlines()]
