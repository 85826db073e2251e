"""The frames of composite speech quality: 30 ms under a Hann window, every 7.5 ms (Hu & Loizou 2008, section III).

Letters: N samples, T frames.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

FRAME_S = 0.03
_OVERLAPS = 4
_KEPT = 0.95


def windowed(wav_N: NDArray[np.floating], rate_hz: int) -> NDArray[np.float64]:
    """Frames (T, N) in float64; none where the wave is shorter than one. No sample of a frame weighs nothing."""
    frame = round(FRAME_S * rate_hz)
    hop = frame // _OVERLAPS
    if wav_N.size < frame:
        return np.zeros((0, frame))
    return sliding_window_view(wav_N.astype(np.float64), frame)[::hop] * np.hanning(frame + 2)[1:-1]


def best_mean(distance_T: NDArray[np.float64]) -> float:
    """Mean of the lowest 95 % of the distances: single frames that went wild do not decide; NaN of none."""
    kept = round(_KEPT * distance_T.size)
    return float(np.sort(distance_T)[: max(kept, 1)].mean()) if distance_T.size else float("nan")
