"""Noise for mixtures: no recording is heard on two sides of a split."""

from __future__ import annotations

import numpy as np

from sonant.config.mix import Mixing
from sonant.data.corpus import Corpus
from sonant.data.mix.recipe import Noise
from sonant.data.recipes.noises import SEEDS, SLOPES, Noises, recordings_of
from sonant.data.recipes.sides import Side


class MixNoises:
    """The noise that mixtures of one side of a split may have."""

    def __init__(self, corpus: Corpus | None, split: Side) -> None:
        self._noises = Noises(corpus, None if corpus is None else recordings_of(corpus, split))

    def draw(self, generator: np.random.Generator, cfg: Mixing, samples: int) -> Noise | None:
        """Noise for a mixture of so many samples; as many numbers are drawn whether it gets some or not."""
        noisy = generator.random() < cfg.noise_p
        snr_db, slope = float(generator.uniform(*cfg.noise_snr_db)), float(generator.uniform(*SLOPES))
        seed, which, where = int(generator.integers(SEEDS)), generator.random(), generator.random()
        return Noise(self._noises.cut(which, where, samples), seed, slope, snr_db) if noisy else None
