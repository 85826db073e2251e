"""The wanted voice of many mixtures: for each a WAV file, and one JSON object that tells of it.

    {"path": "a.wav", "model": ..., "wav": "a.extracted.wav", "presence": 0.97, "level_db": -4.1, "duration_s": 1.2}
    {"path": "b.wav", "error": {"code": "audio.undecodable", "message": ..., "hint": ..., "request_id": ""}}

`presence` is the mean probability that the voice is there (null: the network does not tell), `level_db` how loud the
answer is against its mixture (null: one of them is silent).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sonant.audio.decode import decode_path
from sonant.audio.wav import encode_wav
from sonant.errors import SonantError
from sonant.measure.infer import MAX_S
from sonant.runtime.bundle import open_bundle
from sonant.runtime.scores import Floats, sigmoid
from sonant.runtime.voices import VoiceEngine
from sonant.track import files

Line = dict[str, Any]


def extract_files(
    bundle_ref: str, mixtures: Sequence[str], references: Sequence[str], *, out: str | None = None
) -> Iterator[Line]:
    """Writes the voice of the references as it is in each mixture to <name>.extracted.wav, beside it or in `out`.

    References are files or URLs of the one wanted speaker alone. A mixture that cannot be read is told in its place.
    """
    engine = VoiceEngine(open_bundle(bundle_ref))
    rate_hz = engine.info.sample_rate_hz
    voice_E = engine.enroll([decode_path(files.absolute(url), rate_hz=rate_hz, max_s=MAX_S) for url in references])
    if out is not None:
        files.make_folder(files.absolute(out))
    return (_extract(engine, path, voice_E, out) for path in mixtures)


def _extract(engine: VoiceEngine, path: str, voice_E: Floats, out: str | None) -> Line:
    folder, _, name = path.rpartition("/")
    place = files.join(out or folder or ".", f"{name.rpartition('.')[0] or name}.extracted.wav")
    rate_hz = engine.info.sample_rate_hz
    try:
        mix_N = decode_path(files.absolute(path), rate_hz=rate_hz, max_s=MAX_S)
        wav_N, presence_F = engine.extract(mix_N, voice_E)
        files.write_bytes(files.absolute(place), encode_wav(wav_N, rate_hz))
    except SonantError as error:
        return {"path": path, **error.body()}
    return {
        "path": path,
        "model": engine.info.id,
        "wav": place,
        "presence": None if presence_F is None else round(float(sigmoid(presence_F).mean()), 6),
        "level_db": _level_db(wav_N, mix_N),
        "duration_s": round(len(mix_N) / rate_hz, 6),
    }


def _level_db(wav_N: Floats, mix_N: Floats) -> float | None:
    given, mixed = (float(np.square(each_N, dtype=np.float64).sum()) for each_N in (wav_N, mix_N))
    return round(10 * math.log10(given / mixed), 3) if given and mixed else None
