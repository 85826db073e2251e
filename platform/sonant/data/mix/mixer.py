"""Recipes without end for one side of a split: each a function of (seed, side, epoch, index) alone."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sonant.config.mix import Mixing
from sonant.data.corpus import Corpus
from sonant.data.mix.draw import draw
from sonant.data.mix.noises import Noises, open_noise
from sonant.data.mix.pool import Pool
from sonant.data.mix.recipe import Recipe
from sonant.data.mix.render import Rendered, render
from sonant.data.rng import Purpose, rng

Side = Literal["train", "validation", "test"]
SIDES: dict[Side, int] = {"train": 0, "validation": 1, "test": 2}


class Mixer:
    """Draws and renders mixtures of some rows of a corpus."""

    def __init__(self, corpus: Corpus, rows: NDArray[np.int64], cfg: Mixing, *, split: Side, seed: int) -> None:
        self.corpus, self.cfg = corpus, cfg
        self.split: Side = split
        self.noise = open_noise(cfg.noise_corpus, corpus.sample_rate_hz)
        self.pool = Pool(corpus, rows, cfg)
        self.pool.check()
        self._noises = Noises(self.noise, split)
        self._seed = seed

    def recipe(self, epoch: int, index: int) -> Recipe:
        """One mixture of an epoch; the same each time."""
        generator = rng(Purpose.MIXTURE, self._seed, SIDES[self.split], epoch, index)
        return draw(self.pool, self._noises, generator, name=f"{self.split}-{epoch}-{index}", split=self.split)

    def render(self, recipe: Recipe) -> Rendered:
        """Its samples."""
        return render(recipe, self.corpus, self.noise)
