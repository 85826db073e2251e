"""Noise for mixtures: recordings of a corpus, of the right side of its split, or coloured noise that is made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.config.mix import Mixing
from sonant.data.colour import coloured
from sonant.data.corpus import Corpus
from sonant.data.mix.recipe import Cut, Noise
from sonant.data.rng import Purpose, rng, text_seed
from sonant.errors import DataError

_SLOPE = (-0.5, 2.0)
_SEEDS = 1 << 31
# Where the corpus itself splits nothing: ten parts, of which so many are not for training.
_PARTS = 10
_HELD = {"validation": (8,), "test": (9,), "train": tuple(range(8))}


def open_noise(url: str | None, rate_hz: int) -> Corpus | None:
    """The corpus of noise that a config names; None where noise is made."""
    if url is None:
        return None
    corpus = Corpus.open(url)
    if corpus.sample_rate_hz != rate_hz:
        rates = f"{corpus.sample_rate_hz} Hz, the voices {rate_hz} Hz"
        raise DataError("data.invalid", f"{url} has {rates}", hint="prepare it at the same rate")
    return corpus


class Noises:
    """The noise that mixtures of one side of a split may have: no recording is heard on two sides."""

    def __init__(self, corpus: Corpus | None, split: str) -> None:
        self._corpus = corpus
        self._rows: NDArray[np.int64] = np.zeros(0, np.int64)
        if corpus is not None:
            sounding = np.flatnonzero([corpus.read(row).any() for row in range(len(corpus))])
            self._rows = sounding[_of_side(corpus, split)[sounding]]
            if not self._rows.size:
                hint = "a corpus of noise needs recordings for train, validation and test"
                raise DataError("data.empty", f"{corpus.path} has no noise for {split}", hint=hint)

    def draw(self, generator: np.random.Generator, cfg: Mixing, samples: int) -> Noise | None:
        """Noise for a mixture of so many samples; as many numbers are drawn whether it gets some or not."""
        noisy = generator.random() < cfg.noise_p
        snr_db, slope = float(generator.uniform(*cfg.noise_snr_db)), float(generator.uniform(*_SLOPE))
        seed, which, where = int(generator.integers(_SEEDS)), generator.random(), generator.random()
        if not noisy:
            return None
        return Noise(self._cut(which, where, samples), seed, slope, snr_db)

    def _cut(self, which: float, where: float, samples: int) -> Cut | None:
        if self._corpus is None:
            return None
        row = int(self._rows[int(which * self._rows.size)])
        first, last = noise_span(self._corpus.read(row))
        latest = max(first, last - samples)
        begin = first + int(where * (latest - first + 1))
        return Cut(row, self._corpus.table.column("id")[row].as_py(), begin, min(samples, last - begin))


def noise_span(pcm_N: NDArray[np.int16]) -> tuple[int, int]:
    """First and last (exclusive) sample that is not zero: silence around a recording is not part of the noise."""
    sounding = np.flatnonzero(pcm_N)
    return int(sounding[0]), int(sounding[-1]) + 1


def made_noise(noise: Noise, samples: int) -> NDArray[np.float32]:
    """The noise of a recipe that names no recording, with an RMS of 1."""
    # Transforms of other lengths (primes!) are slow.
    size = 1 << max(10, (samples - 1).bit_length())
    return coloured(rng(Purpose.NOISE, noise.seed), size, noise.slope)[:samples]


def _of_side(corpus: Corpus, split: str) -> NDArray[np.bool_]:
    split_R = np.array(corpus.column("split"))
    if (split_R == "").all():
        part_R = np.array([text_seed(name) % _PARTS for name in corpus.column("id")])
        return np.isin(part_R, _HELD[split])
    # What the corpus leaves open is for training.
    return np.isin(split_R, ("train", "") if split == "train" else (split,))
