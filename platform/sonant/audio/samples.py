"""Plain samples: many channels to one, float to int16 and back. No audio format is opened here.

Samples are float32 in [-1, 1] and mono everywhere behind audio/: `wav_N`. A block of several channels is `block_NC`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.errors import AudioError

Wav = NDArray[np.float32]
INT16_SCALE = 32768.0


def mono(block_NC: NDArray[np.float32]) -> Wav:
    """The mean over channels, clipped to [-1, 1]: (N, C) -> (N,). NaN and infinity are refused."""
    if not np.isfinite(block_NC).all():
        raise AudioError("audio.not_finite", "the samples hold NaN or infinity")
    # Clipping comes first: a sum of huge but finite floats would overflow.
    clipped_NC = np.clip(block_NC, -1.0, 1.0)
    return clipped_NC[:, 0] if clipped_NC.shape[1] == 1 else clipped_NC.mean(axis=1, dtype=np.float32)


def to_unit(raw_NC: NDArray[np.generic], zero: float, scale: float) -> NDArray[np.float32]:
    """Samples of any type and shape as floats; silence is at `zero`, full scale is `scale` away from it."""
    # A double may overflow, and NaN may signal: `mono` refuses what comes of it.
    with np.errstate(over="ignore", invalid="ignore"):
        return (raw_NC.astype(np.float32) - np.float32(zero)) / np.float32(scale)


def to_int16(wav_N: NDArray[np.floating]) -> NDArray[np.int16]:
    """Float samples in [-1, 1] as int16, rounded to nearest and clipped; any shape."""
    if not np.isfinite(wav_N).all():
        raise AudioError("audio.not_finite", "the samples hold NaN or infinity")
    return np.clip(np.rint(wav_N * INT16_SCALE), -INT16_SCALE, INT16_SCALE - 1).astype(np.int16)


def to_float(pcm_N: NDArray[np.int16]) -> Wav:
    """int16 samples as float32 in [-1, 1); any shape. Exactly undone by `to_int16`."""
    return to_unit(pcm_N, 0.0, INT16_SCALE)
