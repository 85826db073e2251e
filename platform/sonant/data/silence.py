"""Clips of `_silence_`: what a microphone gives when nobody speaks, from digital zero to a noisy room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.audio.samples import to_int16
from sonant.data.colour import coloured
from sonant.data.rng import Purpose, rng
from sonant.data.source import Clip, Job

SILENCE = "_silence_"
_LEVEL_DBFS = (-90.0, -25.0)
_SLOPE = (-0.5, 2.0)
# Every tenth clip holds exact zeros, as muted microphones and padded files do.
_ZERO_EVERY = 10


def plan_silence(splits: list[str], *, seconds: float, rate_hz: int, seed: int) -> list[Clip]:
    """One clip for each entry of `splits`, which names the split that the clip belongs to."""
    clips: list[Clip] = []
    for index, split in enumerate(splits):
        # Digital silence gets a length of its own each time: no clip is another's copy.
        zero = index % _ZERO_EVERY == 0
        samples = round(seconds * rate_hz) - (index // _ZERO_EVERY if zero else 0)
        job: Job = {"kind": "silence", "seed": seed, "index": index, "samples": max(samples, 1), "zero": int(zero)}
        name = f"{SILENCE}/{index:05d}"
        clips.append(Clip(id=name, path=name, job=job, label=SILENCE, split=split, licence="CC0-1.0"))
    return clips


def silence(job: Job) -> NDArray[np.int16]:
    """The samples of one clip: in a child process, from numbers alone."""
    samples = int(job["samples"] or 0)
    if job["zero"]:
        return np.zeros(samples, np.int16)
    generator = rng(Purpose.SILENCE, int(job["seed"] or 0), int(job["index"] or 0))
    level, slope = 10 ** (generator.uniform(*_LEVEL_DBFS) / 20), generator.uniform(*_SLOPE)
    return to_int16(np.clip(level * coloured(generator, samples, slope), -1.0, 1.0))
