"""Writes whole recordings as files that others play: what leaves the server as a file leaves here."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Literal

import numpy as np
import soundfile as sf

from sonant.audio.samples import Wav
from sonant.audio.wav import encode_wav
from sonant.errors import AudioError

FileFormat = Literal["wav", "flac", "ogg"]

_BLOCK = 1 << 14
"""libvorbis keeps a whole write on its stack: long ones would end the process."""


def encode(wav_N: Wav, rate_hz: int, form: FileFormat) -> bytes:
    """Mono float samples as a file that holds exactly as many; louder ones than full scale are clipped."""
    if not np.isfinite(wav_N).all():
        raise AudioError("audio.not_finite", "the samples hold NaN or infinity")
    return _WRITERS[form](wav_N, rate_hz)


def _flac(wav_N: Wav, rate_hz: int) -> bytes:
    return _written(wav_N, rate_hz, "FLAC", "PCM_16")


def _ogg(wav_N: Wav, rate_hz: int) -> bytes:
    return _written(wav_N, rate_hz, "OGG", "VORBIS")


def _written(wav_N: Wav, rate_hz: int, container: str, codec: str) -> bytes:
    out = io.BytesIO()
    with sf.SoundFile(out, "w", rate_hz, 1, codec, format=container) as file:
        for start in range(0, len(wav_N), _BLOCK):
            file.write(np.clip(wav_N[start : start + _BLOCK], -1.0, 1.0))
    return out.getvalue()


_WRITERS: dict[FileFormat, Callable[[Wav, int], bytes]] = {"wav": encode_wav, "flac": _flac, "ogg": _ogg}
