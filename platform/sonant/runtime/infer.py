"""The answer for one whole recording, by the graph of whole clips."""

from __future__ import annotations

import numpy as np

from sonant.errors import AudioError
from sonant.runtime.answer import ANSWERS, Answer, windows
from sonant.runtime.engine import Engine
from sonant.runtime.scores import Floats

_SLICE = 16
"""Most windows in one call: an hour of sound is not one batch."""


def classify(engine: Engine, wav_N: Floats, option: int | str | None = None) -> Answer:
    """What is heard in mono samples at the bundle's rate, of any length; `option` is that of `answer.ANSWERS`."""
    if not len(wav_N):
        raise AudioError("audio.empty", "the recording holds no samples")
    wav_WN = windows(engine.info, wav_N)
    parts = [engine.logits(wav_WN[start : start + _SLICE]) for start in range(0, len(wav_WN), _SLICE)]
    return ANSWERS[engine.info.task](
        engine.info, np.concatenate(parts), len(wav_N) / engine.info.sample_rate_hz, option
    )
