"""Sound for many recordings: for each a WAV file, and one JSON object that tells of it.

    {"path": "a.wav", "model": ..., "wav": "a.enhanced.wav", "level_db": -4.1, "duration_s": 1.2}
    {"path": "b.wav", "error": {"code": "audio.undecodable", "message": ..., "hint": ..., "request_id": ""}}

`level_db` is how loud the answer is against what went in (null: one of them is silent).
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sonant.audio.decode import decode_path
from sonant.audio.wav import encode_wav
from sonant.config.ray import RayConfig
from sonant.errors import SonantError
from sonant.measure.infer import MAX_S
from sonant.runtime.scores import Floats
from sonant.runtime.sounds import SoundEngine
from sonant.track import files

Line = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """A recording that is to be answered."""

    path: str
    """As it is told in the answer."""
    url: str
    name: str
    """Of the file that is written, without its ending."""
    references: tuple[str, ...] = ()
    """Files or URLs of the one wanted speaker alone, where the answer is a voice."""

    @classmethod
    def of(cls, path: str, references: tuple[str, ...] = ()) -> Item:
        """A recording on its own, by path or URL."""
        return cls(path, files.absolute(path), stem(path), references)


class SoundWriter(ABC):
    """Answers recordings with files; what an actor of a cluster holds. Calls take an Item as JSON, and give JSON."""

    suffix: str
    """Of files: <name>.<suffix>.wav."""

    def __init__(self, engine: SoundEngine, out: str | None) -> None:
        self._info, self._out = engine.info, out

    @abstractmethod
    def sound(self, wav_N: Floats, item: Item) -> tuple[Floats, Line]:
        """The answer, as long as the recording, and what else there is to tell."""

    def answer(self, item: Item) -> Line:
        """Writes the file, beside the recording or in `out`; one that cannot be read is told in its place."""
        place = files.join(self._out or item.url.rpartition("/")[0], f"{item.name}.{self.suffix}.wav")
        rate_hz = self._info.sample_rate_hz
        try:
            wav_N = decode_path(item.url, rate_hz=rate_hz, max_s=MAX_S)
            given_N, told = self.sound(wav_N, item)
            files.write_bytes(place, encode_wav(given_N, rate_hz))
        except SonantError as error:
            return {"path": item.path, **error.body()}
        level = {"level_db": _level_db(given_N, wav_N), "duration_s": round(len(wav_N) / rate_hz, 6)}
        return {"path": item.path, "model": self._info.id, "wav": place, **told, **level}

    def __call__(self, text: str) -> str:
        told = json.loads(text)
        told["references"] = tuple(told["references"])
        return json.dumps(self.answer(Item(**told)))


def write_sounds(
    make: Callable[..., SoundWriter],
    bundle_ref: str,
    items: Sequence[Item],
    *arguments: object,
    out: str | None,
    cluster: RayConfig | None = None,
) -> Iterator[Line]:
    """The lines of `make(bundle_ref, out, *arguments)` for recordings, one after another in this process or by all CPUs
    of a cluster, where paths must hold on every machine."""
    place = None if out is None else files.absolute(out)
    writer = make(bundle_ref, place, *arguments)  # a mistake in what all have in common is told at once
    if place is not None:
        files.make_folder(place)
    if cluster is None:
        return map(writer.answer, items)
    from sonant.cluster.spread import spread

    told = [json.dumps(asdict(item)) for item in items]
    return map(json.loads, spread(make, (files.absolute(bundle_ref), place, *arguments), told, settings=cluster))


def stem(path: str) -> str:
    """The name of a file without its ending."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def _level_db(wav_N: Floats, mix_N: Floats) -> float | None:
    given, mixed = (float(np.square(each_N, dtype=np.float64).sum()) for each_N in (wav_N, mix_N))
    return round(10 * math.log10(given / mixed), 3) if given and mixed else None
