"""Answers for many recordings: audio files, the rows of a manifest, or the clips of a prepared corpus.

One JSON object for each, in order. A recording that cannot be read is told in its place and the others go on:

    {"path": "a.wav", "model": ..., "label": "yes", "score": 0.98, "scores": [...], "duration_s": 1.2}
    {"path": "a.wav", "model": ..., "operating_point": "balanced", "segments": [...], "duration_s": 1.2}   (a detector)
    {"path": "b.wav", "error": {"code": "audio.undecodable", "message": ..., "hint": ..., "request_id": ""}}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from sonant.audio.decode import decode_path
from sonant.audio.resample import resample
from sonant.audio.samples import to_float
from sonant.config.ray import RayConfig
from sonant.data.corpus import MANIFEST_FILE, Corpus
from sonant.data.manifest import read_manifest
from sonant.data.shards import INFO_FILE
from sonant.errors import SonantError
from sonant.runtime.answer import option_of
from sonant.runtime.bundle import open_bundle
from sonant.runtime.engine import Engine
from sonant.runtime.infer import classify
from sonant.runtime.scores import Floats
from sonant.track import files

Line = dict[str, Any]

_MANIFESTS = (".parquet", ".csv", ".jsonl")
MAX_S = 3600.0
"""Longest recording."""


@dataclass(frozen=True)
class Item:
    """One recording: a file or a part of it, or a row of a prepared corpus."""

    path: str
    """As it is told in the answers."""
    url: str
    """The file, or the corpus."""
    start_s: float = 0.0
    duration_s: float | None = None
    row: int | None = None


def infer(
    bundle_ref: str,
    inputs: Sequence[str],
    *,
    top_k: int | None = 3,
    point: str | None = None,
    cluster: RayConfig | None = None,
) -> Iterator[Line]:
    """Answers for files, URLs and manifests, one after another in this process, or by all CPUs of a cluster.

    `point` names an operating point of a detector. On a cluster paths must hold on every machine: use URLs, or a shared
    disk. Answers and their order are the same.
    """
    if cluster is None:
        listener = Listener(bundle_ref, top_k, point)
        return (listener.answer(item) for item in listing(inputs))
    from sonant.cluster.spread import spread

    items = [json.dumps(asdict(item)) for item in listing(inputs)]
    return map(json.loads, spread(_Remote, (files.absolute(bundle_ref), top_k, point), items, settings=cluster))


def listing(inputs: Sequence[str]) -> Iterator[Item]:
    """The recordings that paths and URLs name. A manifest's paths are relative to its folder."""
    for name in inputs:
        folder, _, file = name.rpartition("/")
        folder = folder or "."
        if file == MANIFEST_FILE and files.exists(files.join(folder, INFO_FILE)):
            corpus = Corpus.open(folder)
            url = files.absolute(folder)
            yield from (Item(path, url, row=row) for row, path in enumerate(corpus.column("id")))
        elif name.endswith(_MANIFESTS):
            for row in read_manifest(name).to_pylist():
                url = row["path"] if row["path"].startswith("/") else files.join(folder, row["path"])
                yield Item(row["path"], files.absolute(url), row["start_s"] or 0.0, row["duration_s"])
        else:
            yield Item(name, files.absolute(name))


class Listener:
    """A bundle that answers items; what an actor of a cluster holds."""

    def __init__(self, bundle_ref: str, top_k: int | None = None, point: str | None = None) -> None:
        self._engine = Engine(open_bundle(bundle_ref))
        self._option = option_of(self._engine.info, top_k, point)

    def answer(self, item: Item) -> Line:
        try:
            return {"path": item.path, **classify(self._engine, self._read(item), self._option)}
        except SonantError as error:
            return {"path": item.path, **error.body()}

    def _read(self, item: Item) -> Floats:
        rate_hz = self._engine.info.sample_rate_hz
        if item.row is not None:
            corpus = _corpus(item.url)
            return resample(to_float(corpus.read(item.row)), corpus.sample_rate_hz, rate_hz)
        wav_N = decode_path(item.url, rate_hz=rate_hz, max_s=MAX_S)
        start = round(item.start_s * rate_hz)
        end = None if item.duration_s is None else start + round(item.duration_s * rate_hz)
        return wav_N[start:end]


class _Remote:
    """A listener in another process; items and answers travel as JSON."""

    def __init__(self, bundle_ref: str, top_k: int | None, point: str | None) -> None:
        self._listener = Listener(bundle_ref, top_k, point)

    def __call__(self, text: str) -> str:
        return json.dumps(self._listener.answer(Item(**json.loads(text))))


@lru_cache(maxsize=4)
def _corpus(url: str) -> Corpus:
    return Corpus.open(url)
