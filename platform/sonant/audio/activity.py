"""Where a recording is loud: stretches that stand out from its floor, by level alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FRAME_S = 0.01
# Relative to the loud frames (95th percentile), and to the floor of the recording (5th).
_BELOW_LOUD_DB = 30.0
_ABOVE_FLOOR_DB = 9.0
# Closures of plosives are no pauses, and clicks are no speech.
_JOIN_S = 0.15
_SHORTEST_S = 0.08
_EDGE_S = 0.02

Stretches = list[tuple[float, float]]
"""Start and end in seconds, in order."""


def levels_db(pcm_N: NDArray[np.int16], rate_hz: int) -> NDArray[np.float64]:
    """Level of each 10 ms frame in dB of int16 units squared, carried over quiet consonants by a short average."""
    frame = max(1, round(FRAME_S * rate_hz))
    count = pcm_N.size // frame
    frames_TN = pcm_N[: count * frame].reshape(count, frame).astype(np.float64)
    level_T = 10 * np.log10(frames_TN.var(axis=1) + 1.0)
    return np.convolve(np.pad(level_T, 2, mode="edge"), np.full(5, 0.2), "valid") if count else level_T


def loud(pcm_N: NDArray[np.int16], rate_hz: int) -> Stretches:
    """The stretches of a recording that stand out from its floor, by the level of 10 ms frames."""
    level_T = levels_db(pcm_N, rate_hz)
    if not level_T.size or not pcm_N.any():
        return []
    floor, high = np.percentile(level_T, (5, 95))
    threshold = min(max(high - _BELOW_LOUD_DB, floor + _ABOVE_FLOOR_DB), high - 3.0)
    edge_E = np.flatnonzero(np.diff(np.concatenate(([0], (level_T > threshold).astype(np.int8), [0]))))
    found: Stretches = []
    last_s = pcm_N.size / rate_hz
    for first, end in edge_E.reshape(-1, 2).tolist():
        start_s, end_s = max(0.0, first * FRAME_S - _EDGE_S), min(last_s, end * FRAME_S + _EDGE_S)
        if found and start_s - found[-1][1] < _JOIN_S:
            found[-1] = found[-1][0], end_s
        else:
            found.append((start_s, end_s))
    return [(start_s, end_s) for start_s, end_s in found if end_s - start_s >= _SHORTEST_S + 2 * _EDGE_S]
