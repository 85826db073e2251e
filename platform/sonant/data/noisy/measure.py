"""What a rendered item really has: the figures of its recipe, read off its samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sonant.audio.samples import Wav
from sonant.data.noisy.recipe import Recipe
from sonant.data.noisy.render import Rendered
from sonant.data.recipes.level import PEAK, level_dbfs
from sonant.errors import DataError

TOLERANCE_DB = 0.01
_GAP = 2000
"""So many zeros in a row are no noise: longer than any pause that a recording may have (20 ms at 48 kHz)."""


class Measured(NamedTuple):
    """All in dB."""

    snr_db: float
    """While somebody speaks; inf: there is no noise, -inf: there is no speech."""
    speech_dbfs: float
    """While somebody speaks."""
    noise_dbfs: float
    """From beginning to end."""
    clip_db: float
    """How much lower the highest peak of the noisy side is than that of speech and noise."""


def measure(rendered: Rendered) -> Measured:
    """Measures an item."""
    sum_N = rendered.speech_N + rendered.noise_N
    speech_db = level_dbfs(rendered.speech_N[rendered.active_N])
    snr_db = speech_db if speech_db == -np.inf else speech_db - level_dbfs(rendered.noise_N[rendered.active_N])
    before, after = float(np.abs(sum_N).max()), float(np.abs(rendered.noisy_N).max())
    clip_db = 20 * float(np.log10(before / after)) if before > 0 and after > 0 else 0.0
    return Measured(snr_db, speech_db, level_dbfs(rendered.noise_N), clip_db)


def verify(rendered: Rendered, recipe: Recipe) -> None:
    """Raises DataError where an item has not the figures of its recipe, or has sound where it should have none."""
    found = measure(rendered)
    peak = float(np.abs(rendered.speech_N + rendered.noise_N).max())
    level = found.speech_dbfs if recipe.pieces else found.noise_dbfs
    # What would clip has been turned down, to the peak.
    loud_enough = peak > PEAK - 1e-3 or level > recipe.level_dbfs - TOLERANCE_DB
    faults = {
        f"{found.snr_db:.3f} dB of speech to noise, not {recipe.snr_db:.3f}": not _near(found.snr_db, recipe.snr_db),
        f"a level of {level:.3f} dBFS, not {recipe.level_dbfs:.3f}": (
            level > recipe.level_dbfs + TOLERANCE_DB or not loud_enough
        ),
        f"peaks are cut by {found.clip_db:.3f} dB, not {recipe.clip_db or 0.0:.3f}": (
            recipe.codec is None and not _near(found.clip_db, recipe.clip_db or 0.0)
        ),
        **_unlike(rendered, recipe),
    }
    for said, wrong in faults.items():
        if wrong:
            raise DataError("data.invalid", f"{recipe.id}: {said}")


def _near(found_db: float, wanted_db: float) -> bool:
    return found_db == wanted_db or abs(found_db - wanted_db) <= TOLERANCE_DB


def _unlike(rendered: Rendered, recipe: Recipe) -> dict[str, bool]:
    """What must not be, and whether it is."""
    linear = recipe.clip_db is None and recipe.codec is None
    difference_N = rendered.noisy_N - rendered.speech_N - rendered.noise_N
    return {
        "the noisy side is not the sum of its parts": linear and float(np.abs(difference_N).max()) > 1e-5,
        "clean speech is changed": not recipe.noises and not np.array_equal(rendered.noisy_N, rendered.clean_N),
        "there is speech in noise alone": not recipe.pieces and bool(rendered.clean_N.any()),
        "the target is not the speech": recipe.room is None and not np.array_equal(rendered.clean_N, rendered.speech_N),
        "the noise has a gap": bool(recipe.noises) and _longest_gap(rendered.noise_N) > _GAP,
    }


def _longest_gap(wav_N: Wav) -> int:
    """Most zeros in a row."""
    sounding = np.concatenate(([-1], np.flatnonzero(wav_N), [wav_N.size]))
    return int(np.diff(sounding).max()) - 1
