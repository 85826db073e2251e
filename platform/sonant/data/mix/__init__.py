"""Mixtures of voices of which one is wanted: drawn as recipes (plain data), rendered to samples when needed.

`draw` makes a recipe from numbers alone, `render` makes its sound, `measure` reads the figures off the sound again.
"""

from sonant.data.mix.recipe import Cut, Noise, Recipe, Room, Voice
from sonant.data.mix.render import Rendered, render

__all__ = ["Cut", "Noise", "Recipe", "Rendered", "Room", "Voice", "render"]
