"""What a rendered mixture really has: the figures of its recipe, read off its samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonant.data.mix.recipe import Recipe
from sonant.data.mix.render import Rendered
from sonant.data.recipes.level import level_dbfs
from sonant.errors import DataError

SNR_TOLERANCE_DB = 0.1


class Measured(NamedTuple):
    """Levels are RMS in dB; a voice without a sample that is not zero has none (-inf)."""

    snr_db: tuple[float, ...]
    """Of the first voice over each other one, each in its own time."""
    noise_snr_db: float | None
    overlap: tuple[float, ...]
    """Share of each other voice's time (from its first sample that is not zero to its last) that the first covers."""
    level_dbfs: float


def measure(rendered: Rendered, recipe: Recipe) -> Measured:
    """Measures a mixture. In a room voices ring on: there, extents are those of the recipe."""
    waves = [rendered.target_N, *rendered.others_KN] if recipe.present else [*rendered.others_KN]
    assert len(waves) == len(recipe.voices), "the mixture of another recipe"
    spans = [(voice.begin, voice.end) for voice in recipe.voices]
    level_V = [level_dbfs(wav_N[begin:end]) for wav_N, (begin, end) in zip(waves, spans, strict=True)]
    extents = [_extent(wav_N) for wav_N in waves] if recipe.room is None else spans
    lead = extents[0]
    overlap = tuple(max(0, min(lead[1], end) - max(lead[0], begin)) / (end - begin) for begin, end in extents[1:])
    noise_db = None if recipe.noise is None else level_V[0] - level_dbfs(rendered.noise_N)
    return Measured(tuple(level_V[0] - level for level in level_V[1:]), noise_db, overlap, level_V[0])


def verify(rendered: Rendered, recipe: Recipe) -> None:
    """Raises DataError where a mixture has not the ratios of its recipe, or sounds outside of its voices' time."""
    measured = measure(rendered, recipe)
    wanted = [voice.snr_db for voice in recipe.voices[1:]]
    pairs = [*zip(measured.snr_db, wanted, strict=True)]
    if recipe.noise is not None and measured.noise_snr_db is not None:
        pairs.append((measured.noise_snr_db, recipe.noise.snr_db))
    off = max((abs(found - told) for found, told in pairs), default=0.0)
    if not off <= SNR_TOLERANCE_DB:
        raise DataError("data.invalid", f"{recipe.id}: a ratio is {off:.2f} dB off what the recipe says")
    difference_N = rendered.mix_N - rendered.target_N - rendered.others_KN.sum(axis=0) - rendered.noise_N
    if float(np.abs(difference_N).max()) > 1e-5:
        raise DataError("data.invalid", f"{recipe.id}: the mixture is not the sum of its parts")
    if recipe.room is None and any(_outside(rendered, recipe)):
        raise DataError("data.invalid", f"{recipe.id}: a voice sounds outside of its time")


def _outside(rendered: Rendered, recipe: Recipe) -> list[bool]:
    waves = [rendered.target_N, *rendered.others_KN] if recipe.present else [*rendered.others_KN]
    return [
        bool(wav_N[: voice.begin].any() or wav_N[voice.end :].any())
        for wav_N, voice in zip(waves, recipe.voices, strict=True)
    ]


def _extent(wav_N: NDArray[np.float32]) -> tuple[int, int]:
    sounding = np.flatnonzero(wav_N)
    return (int(sounding[0]), int(sounding[-1]) + 1) if sounding.size else (0, 1)
