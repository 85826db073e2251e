"""Sound that is cleaned before it is recognised: which function does that, and from which noise on it pays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sonant.audio.resample import resample
from sonant.errors import BundleError
from sonant.runtime.bundle import open_bundle
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.scores import Floats
from sonant.runtime.transcribe.heard import RATE_HZ

Enhancer = Callable[[Floats], Floats]
"""Cleans sound at RATE_HZ: as many samples out as in."""


def open_enhancer(ref: str) -> Enhancer:
    """Opens the bundle of an enhancer of any rate; refuses one that answers with anything but cleaned speech."""
    bundle = open_bundle(ref)
    if bundle.info.enhance is None:
        told = f"{bundle.info.id} is made for the task {bundle.info.task}, and enhances nothing"
        raise BundleError("bundle.invalid", told)
    engine, rate_hz = EnhanceEngine(bundle), bundle.info.sample_rate_hz

    def clean(wav_N: Floats) -> Floats:
        given_N = resample(engine.enhance(resample(wav_N, RATE_HZ, rate_hz)), rate_hz, RATE_HZ)
        return np.pad(given_N, (0, max(0, len(wav_N) - len(given_N))))[: len(wav_N)]

    return clean


def best_threshold(snr_db_N: Sequence[float], off_N: Sequence[int], on_N: Sequence[int]) -> float | None:
    """The signal-to-noise ratio below which cleaning leaves the fewest errors in all; None where it never helps.

    Given are, for each recording, its estimated ratio and its errors without and with cleaning. "Never" is one of the
    choices, so what is chosen is not worse than it on these recordings. Of equally good ratios the lowest is taken:
    sound is left alone where nothing is gained.
    """
    gain, best, found = 0, 0, None
    order = sorted(range(len(snr_db_N)), key=lambda at: snr_db_N[at])
    for place, at in enumerate(order):
        gain += off_N[at] - on_N[at]
        above = snr_db_N[order[place + 1]] if place + 1 < len(order) else snr_db_N[at] + 1.0
        if gain > best and above > snr_db_N[at]:
            best, found = gain, (snr_db_N[at] + above) / 2
    return found
