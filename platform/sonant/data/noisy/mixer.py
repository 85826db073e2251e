"""Recipes of noisy speech without end for one side of a split: each a function of (seed, side, epoch, index) alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.config.noisy import Noising
from sonant.data.corpus import Corpus
from sonant.data.noisy.draw import draw
from sonant.data.noisy.items import Item, item
from sonant.data.noisy.recipe import Recipe
from sonant.data.noisy.render import Rendered, render
from sonant.data.noisy.speech import Speech
from sonant.data.recipes.noises import Noises, kinds_of, open_noise
from sonant.data.recipes.sides import SIDES, Side
from sonant.data.rng import Purpose, rng


class NoisyMixer:
    """Draws and renders noisy speech out of some rows of a corpus of speech."""

    def __init__(self, corpus: Corpus, rows: NDArray[np.int64], cfg: Noising, *, split: Side, seed: int) -> None:
        self.corpus, self.cfg = corpus, cfg
        self.split: Side = split
        self.noise = open_noise(cfg.noise_corpus, corpus.sample_rate_hz)
        self.speech = Speech(corpus, rows, cfg)
        heard = None if self.noise is None else kinds_of(self.noise, split, cfg.noise_seed, cfg.excluded_noises)
        self._noises = Noises(self.noise, heard)
        self._kinds = None if self.noise is None else self.noise.column("label")
        self._seed = seed

    @property
    def sample_rate_hz(self) -> int:
        return self.corpus.sample_rate_hz

    @property
    def window(self) -> int | None:
        """Samples of every item; None: it depends."""
        return None if self.cfg.whole else round(self.cfg.item_s * self.sample_rate_hz)

    def recipe(self, epoch: int, index: int) -> Recipe:
        """One item of an epoch; the same each time."""
        levels = self.cfg.snr_levels_db
        number, level = divmod(index, len(levels)) if levels else (index, 0)
        return draw(
            self.cfg,
            self.speech,
            self._noises,
            rng(Purpose.NOISY, self._seed, SIDES[self.split], epoch, number),
            name=f"{self.split}-{epoch}-{index}",
            split=self.split,
            snr_db=levels[level] if levels else None,
        )

    def render(self, recipe: Recipe) -> Rendered:
        """Its samples."""
        return render(recipe, self.corpus, self.noise)

    def item(self, recipe: Recipe) -> Item:
        """What a loader takes."""
        return item(recipe, self.render(recipe), self._kinds)
