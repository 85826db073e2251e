"""Is it the right voice, and is it silent when there is none? Letters: N samples, K voices or speakers, B items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.metrics.si_sdr import si_sdr

Floats = NDArray[np.floating]

DEEPEST_DB = 100.0
"""Silence counts as so far under any mixture."""


def confused(estimate_N: Floats, target_N: Floats, others_KN: Floats) -> bool | None:
    """Whether the estimate is closer, by SI-SDR, to one of the other voices than to the target; the mean over items is
    the target confusion rate. None without a target, or without another voice that sounds."""
    ratios = [si_sdr(estimate_N, other_N) for other_N in others_KN if other_N.any()]
    if not ratios or not target_N.any():
        return None
    return max(ratios) > si_sdr(estimate_N, target_N)


def depth_db(estimate_N: Floats, mix_N: Floats) -> float:
    """How far the estimate's energy is under the mixture's: dB, the more the more silent, at most DEEPEST_DB; NaN where
    the mixture is silent itself."""
    left, whole = (float(np.square(wav_N.astype(np.float64)).sum()) for wav_N in (estimate_N, mix_N))
    if whole <= 0:
        return float("nan")
    return float(min(10 * np.log10(whole / left), DEEPEST_DB)) if left > 0 else DEEPEST_DB


def speaker_accuracy(logits_BK: Floats, speaker_B: NDArray[np.integer]) -> float:
    """Share of the items whose speaker is told rightly, among those whose speaker is known (from 0 up); NaN of none."""
    known_B = speaker_B >= 0
    if not known_B.any():
        return float("nan")
    return float((logits_BK.argmax(axis=1) == speaker_B)[known_B].mean())
