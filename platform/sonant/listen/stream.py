"""A recording to a live session of a server as if it were spoken now, and what comes back: messages, and a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from sonant.audio.samples import to_int16
from sonant.audio.wav import encode_wav
from sonant.errors import DataError, RequestError
from sonant.listen.source import from_file
from sonant.listen.there import talk

_RATE_HZ = 16_000


def stream_file(
    path: str,
    url: str,
    *,
    out: str | None = None,
    speaker: str | None = None,
    reference: str | None = None,
    fast: bool = False,
    token: str | None = None,
) -> Iterator[dict[str, Any]]:
    """The messages of the session; sound that comes back is written to `out` when it is complete, as 16-bit WAV."""
    start: dict[str, Any] = {"format": "pcm_s16le", "sample_rate_hz": _RATE_HZ}
    start |= {} if speaker is None else {"speaker": speaker}
    voice = None
    if reference is not None:
        if not os.path.isfile(reference):
            raise DataError("data.not_found", f"there is no file {reference}", hint="check the path")
        with open(reference, "rb") as file:
            voice = file.read()
    chunks = (to_int16(chunk_N).astype("<i2").tobytes() for chunk_N in from_file(path, _RATE_HZ, fast=fast))
    sound, rate_hz = bytearray(), 0
    for answer in talk(url, start, chunks, token=token, reference=voice):
        if isinstance(answer, bytes):
            sound += answer
        else:
            rate_hz = answer["output"]["sample_rate_hz"] if "output" in answer else rate_hz
            yield answer
    if out is not None:
        if not rate_hz:
            raise RequestError("request.invalid", f"{url} does not answer with sound", hint="leave --out away")
        wav_N = np.frombuffer(bytes(sound), "<i2").astype(np.float32) / 32768
        with open(out, "wb") as file:
            file.write(encode_wav(wav_N, rate_hz))
