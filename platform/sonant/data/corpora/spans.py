"""Recordings in which it is known what is heard when: a manifest, and a table with one row a span."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import fsspec

from sonant.config.prepare import PrepareSpans
from sonant.data.activity import loud_spans
from sonant.data.corpora.files import job
from sonant.data.corpora.manifest import below
from sonant.data.manifest import read_manifest
from sonant.data.source import Clip, Source, Span, Spans
from sonant.errors import DataError

_ALIASES = {"t_start": "start_s", "t_end": "end_s", "start": "start_s", "end": "end_s"}
_COLUMNS = ("path", "start_s", "end_s", "label")
_MAX_BYTES = 1 << 30


def plan(config: PrepareSpans) -> Source:
    if (config.spans is None) == (config.by_energy is None):
        raise DataError("data.invalid", "give the table `spans`, or the label `by_energy` that loud stretches get")
    root = config.root if config.root is not None else config.manifest.rpartition("/")[0] or "."
    table = read_manifest(config.manifest, corpus=config.dataset, splits=config.splits)
    rows = cast(list[dict[str, Any]], table.to_pylist())
    sessions = _sessions([str(row["speaker"]) for row in rows])
    spans = None if config.spans is None else read_spans(config.spans, root, config.labels)
    clips = [_clip(config, root, row, session, spans) for row, session in zip(rows, sessions, strict=True)]
    if spans is not None and not any(clip.spans for clip in clips):
        raise DataError("data.empty", f"{config.spans} has no span of a recording in {config.manifest}")
    find = partial(loud_spans, rate_hz=config.sample_rate_hz, label=config.by_energy) if config.by_energy else None
    return Source(config.dataset or "spans", config.split_by, clips, find_spans=find)


def read_spans(url: str, root: str, labels: Mapping[str, str]) -> dict[str, Spans]:
    """The spans of each path (relative to the root), in order of time. Errors name the row (the first one is 1)."""
    try:
        with fsspec.open(url, "rb") as file:
            raw = cast(bytes, cast(Any, file).read(_MAX_BYTES))
        reader = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
        names = {_ALIASES.get(name, name): name for name in reader.fieldnames or ()}
        rows = list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError("data.not_found", f"cannot read {url}: {error}") from error
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise DataError("data.invalid", f"{url} has no column {missing[0]}", hint=f"it needs {', '.join(_COLUMNS)}")
    found: dict[str, Spans] = {}
    for number, row in enumerate(rows, 1):
        cells = {name: row[names[name]] or "" for name in _COLUMNS}
        span = _span(cells, labels)
        if span is None:
            raise DataError("data.invalid", f"{url}, row {number}: {cells} is no span of time with a label")
        found.setdefault(below(root, cells["path"]), []).append(span)
    return {path: sorted(spans) for path, spans in found.items()}


def _span(cells: Mapping[str, str], labels: Mapping[str, str]) -> Span | None:
    try:
        start_s, end_s = float(cells["start_s"]), float(cells["end_s"])
    except ValueError:
        return None
    label = labels.get(cells["label"], cells["label"])
    return Span(start_s, end_s, label) if 0 <= start_s < end_s < math.inf and label else None


def _clip(
    config: PrepareSpans, root: str, row: dict[str, Any], session: str, spans: Mapping[str, Spans] | None
) -> Clip:
    path = below(root, str(row["path"]))
    first: float = row["start_s"] or 0.0
    last = math.inf if row["start_s"] is None or row["duration_s"] is None else first + row["duration_s"]
    part = {"start_s": row["start_s"], "duration_s": row["duration_s"]} if row["start_s"] is not None else {}
    text: dict[str, Any] = {name: str(row[name]) for name in ("text", "speaker", "split", "licence")}
    inside = None if spans is None else _inside(spans.get(path, ()), first, last)
    text["session"] = str(row["session"]) or session
    work = job(config, root, path, **part)
    return Clip(str(row["id"]), path, work, start_s=first, spans=inside, **text)


def _inside(spans: Sequence[Span], first: float, last: float) -> Spans:
    """What a part of a recording has of its spans, in its own time."""
    cut = [Span(max(span.start_s, first) - first, min(span.end_s, last) - first, span.label) for span in spans]
    return [span for span in cut if span.end_s > span.start_s]


def _sessions(speakers: Sequence[str]) -> list[str]:
    """A name for each group of recordings that are tied by shared speakers ("A+B", "B+C"); "" for unknown speakers."""
    group: dict[str, str] = {}

    def root(name: str) -> str:
        while group.setdefault(name, name) != name:
            name = group[name]
        return name

    for cell in speakers:
        first, *others = (name.strip() for name in cell.split("+"))
        for other in others:
            group[root(other)] = root(first)
    return [root(cell.split("+")[0].strip()) if cell else "" for cell in speakers]
