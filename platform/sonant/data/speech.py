"""A spoken word as a clip: said, trimmed, resampled, and said faster when it would be too long. In child processes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.audio.resample import resample
from sonant.audio.samples import to_float, to_int16
from sonant.data.espeak import RATE_HZ, Manner, say
from sonant.data.source import Job
from sonant.errors import DataError

# What is 40 dB under the peak is the pause before or after the word; a little of it is kept.
_PAUSE = 0.01
_MARGIN_S = 0.02
# espeak's fastest without its time compression.
_FASTEST = 450


def speak(job: Job) -> NDArray[np.int16]:
    """Samples of a word at `rate_hz`, at most `max_s` long."""
    text, voice = str(job["text"]), str(job["voice"])
    rate_hz, max_s = int(job["rate_hz"] or 0), float(job["max_s"] or 0)
    rate, pitch, width = (int(job[key] or 0) for key in ("rate", "pitch", "range"))
    while True:
        word_N = trim(say(text, voice, Manner(rate, pitch, width)))
        if word_N.size == 0:
            raise DataError("data.invalid", f"espeak-ng says nothing for {text!r}")
        excess = word_N.size / (max_s * RATE_HZ)
        if excess <= 1:
            return to_int16(resample(to_float(word_N), RATE_HZ, rate_hz))
        if rate == _FASTEST:
            raise DataError("data.invalid", f"{text!r} is longer than clip_s = {max_s:g} s, however fast it is said")
        rate = min(_FASTEST, round(rate * excess * 1.1))


def trim(pcm_N: NDArray[np.int16]) -> NDArray[np.int16]:
    """The word without the pauses around it; nothing at all when there is no sound."""
    level_N = np.abs(pcm_N.astype(np.int32))
    if not level_N.any():
        return pcm_N[:0]
    loud = np.flatnonzero(level_N > _PAUSE * level_N.max())
    margin = round(_MARGIN_S * RATE_HZ)
    return pcm_N[max(loud[0] - margin, 0) : loud[-1] + 1 + margin]
