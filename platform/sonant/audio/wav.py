"""Write WAV files: 16 bit, mono, the format that every player opens."""

from __future__ import annotations

import io
import wave
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from sonant.audio.samples import to_int16


class WavWriter:
    """A file that is written part by part; it is whole when it was closed."""

    def __init__(self, file: BinaryIO, rate_hz: int) -> None:
        self._out = wave.open(file, "wb")  # noqa: SIM115 - `close` ends it
        self._out.setnchannels(1)
        self._out.setsampwidth(2)
        self._out.setframerate(rate_hz)

    def write(self, wav_N: NDArray[np.floating], /) -> None:
        """The next samples; louder ones than full scale are clipped."""
        self._out.writeframes(to_int16(wav_N).astype("<i2").tobytes())

    def close(self) -> None:
        """Puts the number of samples into the header; the file itself stays open."""
        self._out.close()


def encode_wav(wav_N: NDArray[np.floating], rate_hz: int) -> bytes:
    """A WAV file of mono float samples in [-1, 1] (louder ones are clipped): 44 bytes of header, then int16."""
    assert wav_N.ndim == 1, "mono samples, shape (N,)"
    file = io.BytesIO()
    out = WavWriter(file, rate_hz)
    try:
        out.write(wav_N)
    finally:
        out.close()
    return file.getvalue()
