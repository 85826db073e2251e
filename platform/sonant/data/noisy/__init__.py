"""Noisy speech: drawn as recipes (plain data), made to sound when needed.

`draw` makes a recipe from numbers alone, `render` makes its sound, `measure` reads the figures off the sound again.
"""
