"""Perceptual evaluation of speech quality, wide band (ITU-T P.862.2): what listeners would say, 1.04 to 4.64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.metrics.speech_extra import required

Floats = NDArray[np.floating]

RATE_HZ = 16_000
# The reference code has room for 50 utterances and does not look: longer speech with many pauses writes beyond it, and
# kills the process. Utterances and pauses last 0.2 s at least, so that no piece of this length holds as many.
_PIECE_S = 15.0


def pesq(estimate_N: Floats, target_N: Floats, rate_hz: int) -> float:
    """The score (MOS-LQO), or the mean over equal pieces of at most 15 s. NaN where it is not defined: at other rates
    than 16 kHz, under a quarter of a second, without speech in the target or sound in the estimate."""
    package = required("pesq")
    pieces = -(-target_N.size // round(_PIECE_S * RATE_HZ))
    if rate_hz != RATE_HZ or not (target_N.any() and estimate_N.any()):
        return float("nan")
    scores = [
        float(package.pesq(RATE_HZ, *pair, "wb", on_error=package.PesqError.RETURN_VALUES))
        for pair in zip(
            *(np.array_split(wav_N.astype(np.float32), pieces) for wav_N in (target_N, estimate_N)), strict=True
        )
        if pair[0].any() and pair[1].any()
    ]
    # Negative numbers are error codes: no utterance was found, or the piece is too short.
    known = [score for score in scores if score > 0]
    return float(np.mean(known)) if known else float("nan")
