"""Scale-invariant signal-to-distortion ratio (Le Roux et al. 2019, arXiv:1811.02508), and what a system adds to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

LOWEST_DB, HIGHEST_DB = -60.0, 100.0
"""Ratios are kept inside: silence has none of the target, a copy of it nothing else, and averages go on."""


def si_sdr(estimate_N: Floats, target_N: Floats) -> float:
    """dB of the target's share in the estimate over the rest, means taken away; NaN without a target."""
    estimate_N, target_N = (
        wave_N.astype(np.float64) - wave_N.mean(dtype=np.float64) for wave_N in (estimate_N, target_N)
    )
    energy = float(target_N @ target_N)
    if energy <= 0:
        return float("nan")
    wanted_N = float(estimate_N @ target_N) / energy * target_N
    rest_N = estimate_N - wanted_N
    return decibels(float(wanted_N @ wanted_N), float(rest_N @ rest_N))


def si_sdr_improvement(estimate_N: Floats, target_N: Floats, mix_N: Floats) -> float:
    """SI-SDR of the estimate less that of the mixture as it is."""
    return si_sdr(estimate_N, target_N) - si_sdr(mix_N, target_N)


def decibels(wanted: float, rest: float) -> float:
    """A ratio of energies in dB, within the limits."""
    if wanted <= 0:
        return LOWEST_DB
    if rest <= 0:
        return HIGHEST_DB
    return float(np.clip(10 * np.log10(wanted / rest), LOWEST_DB, HIGHEST_DB))
