"""The clips of one side of a split, by speaker: who can be wanted, and which recordings may tell who it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from sonant.config.mix import Mixing
from sonant.data.corpus import Corpus
from sonant.data.trim import sounding
from sonant.errors import DataError

Ints = NDArray[np.int64]


class Pool:
    """Rows of a corpus whose speaker is known and that are long enough. Everything in it is sorted."""

    def __init__(self, corpus: Corpus, rows: Ints, cfg: Mixing) -> None:
        self.corpus, self.cfg = corpus, cfg
        self.id_R, self.speaker_R = corpus.column("id"), corpus.column("speaker")
        self._session_R = corpus.column("session")
        # Parts of one file, and copies of one, are one recording.
        self._path_R, self._hash_R = corpus.column("path"), corpus.column("sha256")
        shortest = int(min(cfg.min_s, cfg.reference_s[0]) * corpus.sample_rate_hz)
        self.rows_S: dict[str, list[int]] = {}
        for row in np.sort(rows).tolist():
            if self.speaker_R[row] and corpus.samples_R[row] >= shortest:
                self.rows_S.setdefault(self.speaker_R[row], []).append(row)
        self.references: Callable[[int], list[int]] = cache(self._references)
        self.span: Callable[[int], tuple[int, int]] = cache(self._span)
        self._loudness: Callable[[int], float] = cache(self._measure)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Everybody."""
        return tuple(sorted(self.rows_S))

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

    def length(self, row: int) -> int:
        """Samples of a row that may be used."""
        first, last = self.span(row)
        return last - first

    def quiet(self, row: int, first: int, samples: int) -> bool:
        """Whether a stretch is a pause, against the whole recording."""
        return _power(self.corpus.read(row)[first : first + samples]) <= _PAUSE * self._loudness(row)

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

    def _measure(self, row: int) -> float:
        return _power(self.corpus.read(row)[slice(*self.span(row))])

    def _span(self, row: int) -> tuple[int, int]:
        clip_N = self.corpus.read(row)
        if not clip_N.any():
            return 0, 0
        if self.cfg.trim_db is None:
            return 0, clip_N.size
        return sounding(clip_N, self.corpus.sample_rate_hz, self.cfg.trim_db)


_LOOKS = 4
"""Recordings of a speaker that are looked at for one that is long enough."""
_PAUSE = 1e-3
"""Power of a pause, as a share of that of the whole recording."""


def _power(pcm_N: NDArray[np.int16]) -> float:
    return float(np.mean(pcm_N.astype(np.float64) ** 2)) if pcm_N.size else 0.0
