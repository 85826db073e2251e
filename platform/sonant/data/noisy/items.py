"""An item of noisy speech as loaders hand it on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sonant.audio.samples import Wav
from sonant.data.noisy.recipe import Recipe
from sonant.data.noisy.render import Rendered


class Item(NamedTuple):
    """A noisy recording and what is wanted of it, equally long."""

    id: str
    snr_db: float
    """NaN: unknown."""
    noisy_N: Wav
    clean_N: Wav
    speaker: str = ""
    """Who speaks; empty: nobody, or unknown."""
    noise: str = ""
    """Kinds of noise, joined by +; empty: none, or unknown."""


MADE = "made"
"""The kind of noise that no corpus holds."""


def item(recipe: Recipe, rendered: Rendered, labels: Sequence[str] | None = None) -> Item:
    """The item of a recipe and its sound; `labels` are those of the corpus of noise."""
    kinds = {
        MADE if noise.cut is None or labels is None else labels[noise.cut.row] or "unknown" for noise in recipe.noises
    }
    told = (recipe.id, recipe.snr_db, rendered.noisy_N, rendered.clean_N, recipe.speaker)
    return Item(*told, "+".join(sorted(kinds)))
