"""The speech of one side of a split: whose it is, and in which parts of a recording somebody speaks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from sonant.config.noisy import Noising
from sonant.data.activity import loud_spans
from sonant.data.corpus import Corpus
from sonant.data.noisy.recipe import Piece, Stretch
from sonant.data.recipes.parts import Cut
from sonant.data.recipes.voices import Ints, Voices
from sonant.errors import DataError

_CUTS = 8
_SPOKEN = 0.3
"""Least share of a cut in which somebody should speak."""


class Speech(Voices):
    """Recordings of a corpus by speaker; where the speaker is unknown, by session, or each for itself."""

    def __init__(self, corpus: Corpus, rows: Ints, cfg: Noising) -> None:
        names = zip(corpus.column("speaker"), corpus.column("session"), corpus.column("path"), strict=True)
        who_R = [speaker or session or path for speaker, session, path in names]
        super().__init__(corpus, rows, who_R, shortest_s=cfg.min_s, trim_db=cfg.trim_db)
        self.spoken: Callable[[int], list[Stretch]] = cache(self._spoken)
        if not self.rows_S:
            hint = f"recordings need {cfg.min_s:g} s (min_s)"
            raise DataError("data.empty", f"{corpus.path} has no speech on one side of its split", hint=hint)

    def piece(self, generator: np.random.Generator, row: int, begin: int, most: int) -> Piece:
        """A whole recording, or `most` samples of a longer one in which somebody speaks, from `begin` on."""
        first, last = self.span(row)
        if last - first <= most:
            return self._placed(row, first, last - first, begin)
        piece = self._placed(row, first, most, begin)
        for _ in range(_CUTS):
            piece = self._placed(row, int(generator.integers(first, last - most + 1)), most, begin)
            if sum(stretch.end - stretch.first for stretch in piece.speech) >= _SPOKEN * most:
                return piece
        # Mostly pauses: from where somebody speaks longest.
        longest = max(self.spoken(row), key=lambda stretch: stretch.end - stretch.first)
        return self._placed(row, min(max(first, longest.first), last - most), most, begin)

    def _placed(self, row: int, first: int, samples: int, begin: int) -> Piece:
        inside = [
            Stretch(begin + max(0, stretch.first - first), begin + min(samples, stretch.end - first))
            for stretch in self.spoken(row)
            if stretch.first < first + samples and stretch.end > first
        ]
        return Piece(Cut(row, self.id_R[row], first, samples), begin, tuple(inside))

    def _spoken(self, row: int) -> list[Stretch]:
        """Where somebody speaks in a recording, within what is left of it; all of it where nothing stands out."""
        first, last = self.span(row)
        rate_hz = self.corpus.sample_rate_hz
        spans = loud_spans(self.corpus.read(row)[first:last], rate_hz, "speech")
        found = [Stretch(first + round(start * rate_hz), first + round(end * rate_hz)) for start, end, _ in spans]
        return found or [Stretch(first, last)]
