"""Writes recordings as files that others play, whole or part by part: what leaves the server as a file leaves here."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, Literal, Protocol

import numpy as np
import soundfile as sf

from sonant.audio.samples import Wav
from sonant.audio.wav import WavWriter
from sonant.errors import AudioError

FileFormat = Literal["wav", "flac", "ogg"]

_BLOCK = 1 << 14
"""libvorbis keeps a whole write on its stack: long ones would end the process."""


class Encoder(Protocol):
    """A file that is being written; it is one when it was closed."""

    def write(self, wav_N: Wav, /) -> None:
        """The next samples, any number; louder ones than full scale are clipped."""
        ...

    def close(self) -> None:
        """No more samples: the header tells how many there are. The file itself stays open."""
        ...


def encoder(file: BinaryIO, rate_hz: int, form: FileFormat) -> Encoder:
    """Writes mono float samples to a file that can be sought in; of a long recording no more than a part is held."""
    return _ENCODERS[form](file, rate_hz)


def encode(wav_N: Wav, rate_hz: int, form: FileFormat) -> bytes:
    """Mono float samples as a file that holds exactly as many; louder ones than full scale are clipped."""
    file = io.BytesIO()
    writing = encoder(file, rate_hz, form)
    try:
        writing.write(wav_N)
    finally:
        writing.close()
    return file.getvalue()


class _Packed:
    """What libsndfile writes."""

    def __init__(self, file: BinaryIO, rate_hz: int, container: str, codec: str) -> None:
        self._out = sf.SoundFile(file, "w", rate_hz, 1, codec, format=container)

    def write(self, wav_N: Wav, /) -> None:
        if not np.isfinite(wav_N).all():
            raise AudioError("audio.not_finite", "the samples hold NaN or infinity")
        for start in range(0, len(wav_N), _BLOCK):
            self._out.write(np.clip(wav_N[start : start + _BLOCK], -1.0, 1.0))

    def close(self) -> None:
        self._out.close()


def _flac(file: BinaryIO, rate_hz: int) -> Encoder:
    return _Packed(file, rate_hz, "FLAC", "PCM_16")


def _ogg(file: BinaryIO, rate_hz: int) -> Encoder:
    return _Packed(file, rate_hz, "OGG", "VORBIS")


_ENCODERS: dict[FileFormat, Callable[[BinaryIO, int], Encoder]] = {"wav": WavWriter, "flac": _flac, "ogg": _ogg}
