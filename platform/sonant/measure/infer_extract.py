"""The wanted voice of many mixtures: for each a WAV file, and one JSON object that tells of it.

    {"path": "a.wav", "model": ..., "wav": "a.extracted.wav", "presence": 0.97, "level_db": -4.1, "duration_s": 1.2}
    {"path": "b.wav", "error": {"code": "audio.undecodable", "message": ..., "hint": ..., "request_id": ""}}

`presence` is the mean probability that the voice is there (null: the network does not tell), `level_db` how loud the
answer is against its mixture (null: one of them is silent).
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sonant.audio.decode import decode_path
from sonant.audio.wav import encode_wav
from sonant.config.ray import RayConfig
from sonant.errors import DataError, SonantError
from sonant.measure.infer import MAX_S
from sonant.runtime.bundle import open_bundle
from sonant.runtime.scores import Floats, sigmoid
from sonant.runtime.voices import VoiceEngine
from sonant.track import files

Line = dict[str, Any]


@dataclass(frozen=True)
class Mixture:
    """What is to be extracted from what."""

    path: str
    """As it is told in the answers."""
    url: str
    name: str
    """Of the file that is written, without its ending."""
    references: tuple[str, ...]
    """Files or URLs of the one wanted speaker alone."""


def extract_files(
    bundle_ref: str,
    inputs: Sequence[str],
    references: Sequence[str] = (),
    *,
    out: str | None = None,
    cluster: RayConfig | None = None,
) -> Iterator[Line]:
    """Writes the voice of the references as it is in each mixture to <name>.extracted.wav, beside it or in `out`.

    Inputs are mixtures, or lists of them (see `listing`), which name a reference for each. A mixture that cannot be
    read is told in its place. On a cluster paths must hold on every machine; answers and their order are the same.
    """
    items = list(listing(inputs, tuple(map(files.absolute, references))))
    place = None if out is None else files.absolute(out)
    if place is not None:
        files.make_folder(place)
    if cluster is not None:
        from sonant.cluster.spread import spread

        told = [json.dumps(asdict(item)) for item in items]
        return map(json.loads, spread(Remote, (files.absolute(bundle_ref), place), told, settings=cluster))
    extracting = Extracting(bundle_ref, place)
    if references:
        extracting.voice(items[0].references)  # a mistake in what all have in common is told before the first
    return map(extracting.answer, items)


def listing(inputs: Sequence[str], references: tuple[str, ...]) -> Iterator[Mixture]:
    """Mixtures by path or URL, and those of lists: CSV files with the columns path (or mixture_path) and reference (or
    reference_path, as in our mixtures.csv), both relative to the list, and perhaps id. What a list says
    comes before `references`."""
    for name in inputs:
        if not name.endswith(".csv"):
            yield Mixture(name, files.absolute(name), _stem(name), references)
            continue
        folder, text = name.rpartition("/")[0] or ".", files.read_bytes(files.absolute(name)).decode("utf-8-sig")
        for number, row in enumerate(csv.DictReader(io.StringIO(text, newline="")), 1):
            path = (row.get("path") or row.get("mixture_path") or "").strip()
            reference = (row.get("reference") or row.get("reference_path") or "").strip()
            if not path or not (reference or references):
                hint = "columns: path, reference; or give --reference for all"
                raise DataError("data.invalid", f"{name}, row {number}: not a mixture and a reference", hint=hint)
            own = (_below(folder, reference),) if reference else references
            told = (row.get("id") or "").strip().replace("/", "_") or _stem(path)
            yield Mixture(path, _below(folder, path), told, own)


class Extracting:
    """A bundle that extracts; what an actor of a cluster holds."""

    def __init__(self, bundle_ref: str, out: str | None) -> None:
        self._engine, self._out = VoiceEngine(open_bundle(bundle_ref)), out
        self.voice = lru_cache(maxsize=64)(self._voice)

    def answer(self, item: Mixture) -> Line:
        place = files.join(self._out or item.url.rpartition("/")[0], f"{item.name}.extracted.wav")
        engine, rate_hz = self._engine, self._engine.info.sample_rate_hz
        try:
            mix_N = decode_path(item.url, rate_hz=rate_hz, max_s=MAX_S)
            wav_N, presence_F = engine.extract(mix_N, self.voice(item.references))
            files.write_bytes(place, encode_wav(wav_N, rate_hz))
        except SonantError as error:
            return {"path": item.path, **error.body()}
        return {
            "path": item.path,
            "model": engine.info.id,
            "wav": place,
            "presence": None if presence_F is None else round(float(sigmoid(presence_F).mean()), 6),
            "level_db": _level_db(wav_N, mix_N),
            "duration_s": round(len(mix_N) / rate_hz, 6),
        }

    def _voice(self, references: tuple[str, ...]) -> Floats:
        rate_hz = self._engine.info.sample_rate_hz
        return self._engine.enroll([decode_path(url, rate_hz=rate_hz, max_s=MAX_S) for url in references])


class Remote:
    """The same in another process; mixtures and answers travel as JSON."""

    def __init__(self, bundle_ref: str, out: str | None) -> None:
        self._extracting = Extracting(bundle_ref, out)

    def __call__(self, text: str) -> str:
        told = json.loads(text)
        return json.dumps(self._extracting.answer(Mixture(**{**told, "references": tuple(told["references"])})))


def _below(folder: str, path: str) -> str:
    return files.absolute(path if path.startswith("/") or "://" in path else files.join(folder, path))


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def _level_db(wav_N: Floats, mix_N: Floats) -> float | None:
    given, mixed = (float(np.square(each_N, dtype=np.float64).sum()) for each_N in (wav_N, mix_N))
    return round(10 * math.log10(given / mixed), 3) if given and mixed else None
