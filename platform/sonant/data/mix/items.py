"""A mixture as loaders hand it on."""

from __future__ import annotations

from typing import NamedTuple

from sonant.data.mix.recipe import Recipe
from sonant.data.mix.render import Rendered


class Item(NamedTuple):
    """One mixture, with what is known about it."""

    id: str
    speaker: str
    """Who is wanted; empty: unknown."""
    present: bool
    rendered: Rendered


def item(recipe: Recipe, rendered: Rendered) -> Item:
    """The item of a recipe and its sound."""
    return Item(recipe.id, recipe.speaker, recipe.present, rendered)
