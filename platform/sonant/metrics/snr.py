"""Signal-to-noise ratios, in which the level counts: of the whole, and frame by frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.metrics.si_sdr import decibels
from sonant.metrics.speech_frames import windowed

Floats = NDArray[np.floating]

_RANGE_DB = (-10.0, 35.0)
_EPS = 1e-10


def snr(estimate_N: Floats, target_N: Floats) -> float:
    """dB of the target over its distance to the estimate; NaN without a target."""
    target_N = target_N.astype(np.float64)
    error_N = target_N - estimate_N
    energy = float(target_N @ target_N)
    return decibels(energy, float(error_N @ error_N)) if energy > 0 else float("nan")


def segmental_snr(estimate_N: Floats, target_N: Floats, rate_hz: int) -> float:
    """Mean of the ratios of frames, each kept within -10 .. 35 dB (Hansen & Pellom 1998); NaN under one frame or
    without a target."""
    target_TN = windowed(target_N, rate_hz)
    if not target_TN.any():
        return float("nan")
    error_T = np.square(target_TN - windowed(estimate_N, rate_hz)).sum(axis=1)
    ratio_T = 10 * np.log10(np.square(target_TN).sum(axis=1) / (error_T + _EPS) + _EPS)
    return float(np.clip(ratio_T, *_RANGE_DB).mean())
