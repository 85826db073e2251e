"""Mixtures of voices of which one is wanted: drawn as recipes (plain data), rendered to samples when needed.

`draw` makes a recipe from numbers alone, `render` makes its sound, `measure` reads the figures off the sound again.
"""

from sonant.data.mix.recipe import Noise, Recipe, Voice
from sonant.data.mix.render import Rendered, render
from sonant.data.recipes.parts import Cut, Room

__all__ = ["Cut", "Noise", "Recipe", "Rendered", "Room", "Voice", "render"]
