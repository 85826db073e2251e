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


class SoundWriter(ABC):
    """Answers recordings with files; what an actor of a cluster holds. Calls take a path, and give JSON."""

    suffix: str
    """Of files: <name>.<suffix>.wav."""

    def __init__(self, engine: SoundEngine, out: str | None) -> None:
        self._info, self._out = engine.info, out

    @abstractmethod
    def sound(self, wav_N: Floats) -> tuple[Floats, Line]:
        """The answer, as long as the recording, and what else there is to tell."""

    def answer(self, path: str) -> Line:
        """Writes the file, beside the recording or in `out`; one that cannot be read is told in its place."""
        folder, _, name = path.rpartition("/")
        place = files.join(self._out or folder or ".", f"{name.rpartition('.')[0] or name}.{self.suffix}.wav")
        rate_hz = self._info.sample_rate_hz
        try:
            wav_N = decode_path(files.absolute(path), rate_hz=rate_hz, max_s=MAX_S)
            given_N, told = self.sound(wav_N)
            files.write_bytes(files.absolute(place), encode_wav(given_N, rate_hz))
        except SonantError as error:
            return {"path": path, **error.body()}
        level = {"level_db": _level_db(given_N, wav_N), "duration_s": round(len(wav_N) / rate_hz, 6)}
        return {"path": path, "model": self._info.id, "wav": place, **told, **level}

    def __call__(self, path: str) -> str:
        return json.dumps(self.answer(path))


def write_sounds(
    make: Callable[..., SoundWriter],
    arguments: tuple[object, ...],
    paths: Sequence[str],
    *,
    out: str | None,
    cluster: RayConfig | None = None,
) -> Iterator[Line]:
    """The lines of `make(*arguments)` for files and URLs, one after another in this process or by all CPUs of a
    cluster, where paths must hold on every machine."""
    writer = make(*arguments)
    if out is not None:
        files.make_folder(files.absolute(out))
    if cluster is None:
        return map(writer.answer, paths)
    from sonant.cluster.spread import spread

    return map(json.loads, spread(make, arguments, paths, settings=cluster))


def _level_db(wav_N: Floats, mix_N: Floats) -> float | None:
    given, mixed = (float(np.square(each_N, dtype=np.float64).sum()) for each_N in (wav_N, mix_N))
    return round(10 * math.log10(given / mixed), 3) if given and mixed else None
