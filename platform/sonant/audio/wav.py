"""Write WAV files: 16 bit, mono, the format that every player opens."""

from __future__ import annotations

import io
import wave

import numpy as np
from numpy.typing import NDArray

from sonant.audio.samples import to_int16


def encode_wav(wav_N: NDArray[np.floating], rate_hz: int) -> bytes:
    """A WAV file of mono float samples in [-1, 1] (louder ones are clipped): 44 bytes of header, then int16."""
    assert wav_N.ndim == 1, "mono samples, shape (N,)"
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(to_int16(wav_N).astype("<i2").tobytes())
    return file.getvalue()
