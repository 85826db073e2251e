"""Levels of waves: RMS, in dB of full scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PEAK = 0.99
"""Largest sample of what is rendered: louder ones are turned down, all that belongs together alike."""


def power(wav_N: NDArray[Any]) -> float:
    """Mean square, summed in double precision; 0 for no samples."""
    return float(np.mean(np.square(wav_N, dtype=np.float64))) if wav_N.size else 0.0


def level_dbfs(wav_N: NDArray[Any]) -> float:
    """RMS in dB; -inf for a wave without a sample that is not zero."""
    mean = power(wav_N)
    return 10 * float(np.log10(mean)) if mean > 0 else -np.inf


def gain(wav_N: NDArray[Any], level: float) -> float:
    """Factor that gives a wave this RMS in dB; 0 for one without sound."""
    mean = power(wav_N)
    return 10 ** (level / 20) / float(np.sqrt(mean)) if mean > 0 else 0.0


def turned_down(wav_N: NDArray[np.float32]) -> np.float32:
    """Factor that keeps a wave under PEAK; 1 where it is."""
    return np.float32(min(1.0, PEAK / max(float(np.abs(wav_N).max()), 1e-9)))
