"""Where the sound of a clip begins and ends, relative to its own loudest moment: recordings differ in level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FRAME_S = 0.01
# Soft onsets and the ends of words lie below any threshold: this much around what is loud is kept.
_MARGIN_S = 0.05


def sounding(pcm_N: NDArray[np.int16], rate_hz: int, range_db: float) -> tuple[int, int]:
    """First and last (exclusive) sample to keep, with a margin of 50 ms around the frames of 10 ms that are at most
    `range_db` softer than the loudest. A clip of digital silence is kept whole."""
    frame, margin = round(_FRAME_S * rate_hz), round(_MARGIN_S * rate_hz)
    starts = np.arange(0, pcm_N.size, frame)
    # The last frame may be short: means, not sums, are compared.
    power_T = np.add.reduceat(pcm_N.astype(np.float64) ** 2, starts) / np.minimum(frame, pcm_N.size - starts)
    if not power_T.any():
        return 0, pcm_N.size
    loud = np.flatnonzero(power_T >= power_T.max() * 10 ** (-range_db / 10))
    return max(0, int(starts[loud[0]]) - margin), min(pcm_N.size, int(starts[loud[-1]]) + frame + margin)
