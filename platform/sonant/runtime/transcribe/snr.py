"""How noisy a piece is, from the piece alone: power inside its speech against power between it."""

from __future__ import annotations

import numpy as np

from sonant.audio.activity import FRAME_S, Stretches, levels_db
from sonant.audio.samples import to_int16
from sonant.runtime.scores import Floats
from sonant.runtime.transcribe.heard import RATE_HZ

_MOST_DB = 60.0


def snr_db(wav_N: Floats, speech: Stretches) -> float:
    """Estimated signal-to-noise ratio in dB, at most 60, of sound at RATE_HZ.

    The floor is the tenth percentile of all frames: pauses between words are there even where no stretch of silence is.
    Sound without speech, or nothing but it, has the range between its loud and its quiet frames.
    """
    power_T = 10 ** (levels_db(to_int16(wav_N), RATE_HZ) / 10)
    if not power_T.size:
        return _MOST_DB
    inside_T = np.zeros(power_T.size, bool)
    for start_s, end_s in speech:
        inside_T[round(start_s / FRAME_S) : round(end_s / FRAME_S)] = True
    floor = float(np.percentile(power_T, 10))
    loud = float(power_T[inside_T].mean()) if inside_T.any() else float(np.percentile(power_T, 90))
    return min(_MOST_DB, 10 * float(np.log10(max(loud - floor, 1e-3 * floor) / floor)))
