"""Short-time objective intelligibility (Taal et al. 2011) and its extended version (Jensen & Taal 2016)."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from sonant.metrics.speech_extra import required

Floats = NDArray[np.floating]

# Thirty frames of 25.6 ms every 12.8 ms: what one of its figures is over.
_SHORTEST_S = 0.3968


def stoi(estimate_N: Floats, target_N: Floats, rate_hz: int, *, extended: bool = False) -> float:
    """About 0 (nothing can be understood) to 1; NaN where less than 0.4 s of the target sounds."""
    compute = required("pystoi").stoi
    if target_N.size < _SHORTEST_S * rate_hz or not target_N.any():
        return float("nan")
    with warnings.catch_warnings():
        # The package answers 0.00001 for what is too short, and warns: that is no measurement.
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(compute(target_N, estimate_N, rate_hz, extended=extended))
        except RuntimeWarning:
            return float("nan")
