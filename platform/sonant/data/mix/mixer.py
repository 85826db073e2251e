"""Recipes without end for one side of a split: each a function of (seed, side, epoch, index) alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.config.mix import Mixing
from sonant.data.corpus import Corpus
from sonant.data.mix.draw import draw
from sonant.data.mix.items import Item, item
from sonant.data.mix.noises import MixNoises
from sonant.data.mix.pool import Pool
from sonant.data.mix.recipe import Recipe
from sonant.data.mix.render import Rendered, render
from sonant.data.recipes.noises import open_noise
from sonant.data.recipes.sides import SIDES, Side
from sonant.data.rng import Purpose, rng


class Mixer:
    """Draws and renders mixtures of some rows of a corpus."""

    def __init__(self, corpus: Corpus, rows: NDArray[np.int64], cfg: Mixing, *, split: Side, seed: int) -> None:
        self.corpus, self.cfg = corpus, cfg
        self.split: Side = split
        self.noise = open_noise(cfg.noise_corpus, corpus.sample_rate_hz)
        self.pool = Pool(corpus, rows, cfg)
        self.pool.check()
        self._noises = MixNoises(self.noise, split)
        self._seed = seed

    @property
    def sample_rate_hz(self) -> int:
        return self.corpus.sample_rate_hz

    @property
    def window(self) -> int | None:
        """Samples that no mixture exceeds."""
        return None if self.cfg.mix_s is None else int(self.cfg.mix_s * self.sample_rate_hz)

    def recipe(self, epoch: int, index: int) -> Recipe:
        """One mixture of an epoch; the same each time."""
        generator = rng(Purpose.MIXTURE, self._seed, SIDES[self.split], epoch, index)
        return draw(self.pool, self._noises, generator, name=f"{self.split}-{epoch}-{index}", split=self.split)

    def render(self, recipe: Recipe) -> Rendered:
        """Its samples."""
        return render(recipe, self.corpus, self.noise)

    def item(self, recipe: Recipe) -> Item:
        """What a loader takes."""
        return item(recipe, self.render(recipe))
