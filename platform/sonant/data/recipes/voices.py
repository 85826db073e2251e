"""The clips of one side of a split, by speaker, and which part of each is speech."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sonant.data.corpus import Corpus
from sonant.data.recipes.level import power
from sonant.data.recipes.parts import Cut
from sonant.data.trim import sounding

Ints = NDArray[np.int64]

_CUTS = 8
_PAUSE = 1e-3
"""Power of a pause, as a share of that of the whole recording."""


class Voices:
    """Rows of a corpus that are long enough, by whoever speaks in them. Everything in it is sorted."""

    def __init__(
        self, corpus: Corpus, rows: Ints, speaker_R: list[str], *, shortest_s: float, trim_db: float | None
    ) -> None:
        """Rows with an empty `speaker_R` are left out; so is what lies `trim_db` under a recording's loudest moment at
        its ends."""
        self.corpus, self.id_R, self.speaker_R = corpus, corpus.column("id"), speaker_R
        self._trim_db = trim_db
        self.rows_S: dict[str, list[int]] = {}
        for row in np.sort(rows).tolist():
            if speaker_R[row] and corpus.samples_R[row] >= int(shortest_s * corpus.sample_rate_hz):
                self.rows_S.setdefault(speaker_R[row], []).append(row)
        self.span: Callable[[int], tuple[int, int]] = cache(self._span)
        self._loudness: Callable[[int], float] = cache(self._measure)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Everybody."""
        return tuple(sorted(self.rows_S))

    def length(self, row: int) -> int:
        """Samples of a row that may be used."""
        first, last = self.span(row)
        return last - first

    def quiet(self, row: int, first: int, samples: int) -> bool:
        """Whether a stretch is a pause, against the whole recording."""
        return power(self.corpus.read(row)[first : first + samples]) <= _PAUSE * self._loudness(row)

    def cut(self, generator: np.random.Generator, row: int, samples: int) -> Cut:
        """A stretch of a recording that is not just a pause."""
        first, last = self.span(row)
        where = first
        for _ in range(_CUTS):
            where = int(generator.integers(first, last - samples + 1))
            if not self.quiet(row, where, samples):
                break
        else:
            # Mostly pauses: around its loudest sample.
            loudest = first + int(np.argmax(np.abs(self.corpus.read(row)[first:last].astype(np.int32))))
            where = int(np.clip(loudest - samples // 2, first, last - samples))
        return Cut(row, self.id_R[row], where, samples)

    def _measure(self, row: int) -> float:
        return power(self.corpus.read(row)[slice(*self.span(row))])

    def _span(self, row: int) -> tuple[int, int]:
        clip_N = self.corpus.read(row)
        if not clip_N.any():
            return 0, 0
        if self._trim_db is None:
            return 0, clip_N.size
        return sounding(clip_N, self.corpus.sample_rate_hz, self._trim_db)
