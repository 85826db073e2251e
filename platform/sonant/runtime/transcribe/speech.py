"""Where speech is in a piece of sound: by a detector of ours, or by loudness where there is none.

Both are finders: wav_N at RATE_HZ -> stretches in seconds, in order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sonant.audio.activity import Stretches, levels_db, loud
from sonant.audio.resample import resample
from sonant.audio.samples import to_int16
from sonant.errors import BundleError
from sonant.runtime.answer import option_of
from sonant.runtime.bundle import open_bundle
from sonant.runtime.engine import Engine
from sonant.runtime.infer import classify
from sonant.runtime.scores import Floats
from sonant.runtime.transcribe.heard import RATE_HZ

Finder = Callable[[Floats], Stretches]

_STEADY_DB = 5.0
"""Sound whose loud frames stand out less than this is a hum or a hiss."""
_FAINT_DB = 10 * np.log10(4.0**2)
"""Loud frames below this (four steps of 16 bits) are the floor of a sound card."""


def by_loudness(wav_N: Floats) -> Stretches:
    """Stretches that stand out from the floor. Music and slamming doors do, too: engines have to live with that."""
    pcm_N = to_int16(wav_N)
    level_T = levels_db(pcm_N, RATE_HZ)
    if not level_T.size:
        return []
    floor, high = np.percentile(level_T, (5, 95))
    if high < _FAINT_DB or high - floor < _STEADY_DB:
        return []
    return loud(pcm_N, RATE_HZ)


def by_detector(ref: str, point: str | None) -> Finder:
    """Stretches that the bundle of a detector finds, whatever its labels are."""
    engine = Engine(open_bundle(ref))
    if engine.info.detect is None:
        hint = "give the bundle of a detector, such as store/speech@champion"
        raise BundleError("bundle.invalid", f"{engine.info.id} is made for the task {engine.info.task}", hint=hint)
    option = option_of(engine.info, point=point)

    def find(wav_N: Floats) -> Stretches:
        told = classify(engine, resample(wav_N, RATE_HZ, engine.info.sample_rate_hz), option)
        assert "segments" in told, "a detector tells segments"
        return merged([(part["t_start"], part["t_end"]) for part in told["segments"]])

    return find


def merged(stretches: Stretches) -> Stretches:
    """Stretches that overlap, as one."""
    found: Stretches = []
    for start_s, end_s in sorted(stretches):
        if found and start_s <= found[-1][1]:
            found[-1] = found[-1][0], max(end_s, found[-1][1])
        else:
            found.append((start_s, end_s))
    return found
