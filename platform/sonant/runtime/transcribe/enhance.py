"""Sound that is cleaned before it is recognised: which function does that."""

from __future__ import annotations

from collections.abc import Callable

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
