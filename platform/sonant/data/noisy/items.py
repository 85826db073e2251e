"""An item of noisy speech as loaders hand it on."""

from __future__ import annotations

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


def item(recipe: Recipe, rendered: Rendered) -> Item:
    """The item of a recipe and its sound."""
    return Item(recipe.id, recipe.snr_db, rendered.noisy_N, rendered.clean_N, recipe.speaker)
