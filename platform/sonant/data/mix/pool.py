"""The clips of one side of a split, by speaker: who can be wanted, and which recordings may tell who it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property

import numpy as np

from sonant.config.mix import Mixing
from sonant.data.corpus import Corpus
from sonant.data.recipes.voices import Ints, Voices
from sonant.errors import DataError


class Pool(Voices):
    """Rows of a corpus whose speaker is known and that are long enough for a voice or a reference."""

    def __init__(self, corpus: Corpus, rows: Ints, cfg: Mixing) -> None:
        self.cfg = cfg
        self._session_R = corpus.column("session")
        # Parts of one file, and copies of one, are one recording.
        self._path_R, self._hash_R = corpus.column("path"), corpus.column("sha256")
        shortest_s = min(cfg.min_s, cfg.reference_s[0])
        super().__init__(corpus, rows, corpus.column("speaker"), shortest_s=shortest_s, trim_db=cfg.trim_db)
        self.references: Callable[[int], list[int]] = cache(self._references)

    @cached_property
    def wanted(self) -> tuple[str, ...]:
        """Speakers with a recording that another one can be the reference of."""
        return tuple(speaker for speaker in self.speakers if any(map(self.references, self.rows_S[speaker])))

    def check(self) -> None:
        """Raises DataError where mixtures as configured cannot be made from these clips."""
        others = self.cfg.interferers[1] + (self.cfg.absent_p > 0)
        if not self.wanted or len(self.speakers) <= others:
            told = f"{len(self.speakers)} speakers, {len(self.wanted)} of them with a reference from another recording"
            least_s = self.cfg.reference_s[0]
            hint = f"mixtures as configured need {1 + others} speakers, and references of {least_s:g} s"
            raise DataError("data.empty", f"{self.corpus.path} has {told} on one side of its split", hint=hint)

    def draw_row(self, generator: np.random.Generator, speaker: str, least: int) -> int | None:
        """A recording of a speaker with at least so many samples, or the longest of some; None: none is usable."""
        rows = self.rows_S[speaker]
        shortest = self.cfg.min_s * self.corpus.sample_rate_hz
        found: int | None = None
        for index in generator.permutation(len(rows))[:_LOOKS].tolist():
            if self.length(rows[index]) < shortest:
                continue
            if found is None or self.length(rows[index]) > self.length(found):
                found = rows[index]
            if self.length(rows[index]) >= least:
                return rows[index]
        return found

    def _references(self, row: int) -> list[int]:
        """Rows that may be the reference when this one is the target."""
        others = [
            other
            for other in self.rows_S[self.speaker_R[row]]
            if self._path_R[other] != self._path_R[row] and self._hash_R[other] != self._hash_R[row]
        ]
        if self.cfg.enrolment == "recording":
            return others
        mine = self._session_R[row]
        elsewhere = [other for other in others if mine and self._session_R[other] not in ("", mine)]
        return elsewhere if elsewhere or self.cfg.enrolment == "session" else others


_LOOKS = 4
"""Recordings of a speaker that are looked at for one that is long enough."""
