"""Word and character error rates: edits that turn a reference into a hypothesis, by the length of the reference.

The fewest substitutions, deletions and insertions (Levenshtein 1966); texts are compared as `spoken`. A rate may be
above 1. Rates of many texts are pooled: all edits by all words, and not the mean of rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonant.metrics.spoken import spoken


class Edits(NamedTuple):
    """Edits of one text, or of many."""

    substitutions: int
    deletions: int
    insertions: int
    length: int
    """Words or characters of the reference."""

    @property
    def errors(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors by length; of an empty reference 0, or infinity when something was made up."""
        if self.length:
            return self.errors / self.length
        return float("inf") if self.errors else 0.0


def word_edits(reference: str, hypothesis: str) -> Edits:
    """Edits between the words of two texts."""
    return edits(spoken(reference).split(), spoken(hypothesis).split())


def character_edits(reference: str, hypothesis: str) -> Edits:
    """Edits between the characters of two texts; spaces count."""
    return edits(spoken(reference), spoken(hypothesis))


def pooled(many: Sequence[Edits]) -> Edits:
    """The edits of many texts as one."""
    return Edits(*(sum(column) for column in zip(*many, strict=True))) if many else Edits(0, 0, 0, 0)


def edits(reference: Sequence[str], hypothesis: Sequence[str]) -> Edits:
    """The fewest edits between two sequences; of equally few, those with the most substitutions."""
    symbols = {symbol: number for number, symbol in enumerate({*reference, *hypothesis})}
    ref_R, hyp_H = ([symbols[symbol] for symbol in side] for side in (reference, hypothesis))
    cost_RH = _costs(ref_R, hyp_H)
    at, to = len(ref_R), len(hyp_H)
    substitutions = deletions = insertions = 0
    while at or to:
        cost = cost_RH[at, to]
        if at and to and cost == cost_RH[at - 1, to - 1] + (ref_R[at - 1] != hyp_H[to - 1]):
            substitutions += ref_R[at - 1] != hyp_H[to - 1]
            at, to = at - 1, to - 1
        elif at and cost == cost_RH[at - 1, to] + 1:
            deletions, at = deletions + 1, at - 1
        else:
            insertions, to = insertions + 1, to - 1
    return Edits(substitutions, deletions, insertions, len(ref_R))


def _costs(ref_R: Sequence[int], hyp_H: Sequence[int]) -> NDArray[np.int32]:
    """Fewest edits between every two beginnings, row by row: a running minimum stands for the insertions."""
    hyp = np.asarray(hyp_H, np.int32)
    step_H = np.arange(len(hyp) + 1, dtype=np.int32)
    cost_RH = np.empty((len(ref_R) + 1, len(hyp) + 1), np.int32)
    cost_RH[0] = step_H
    for row, symbol in enumerate(ref_R, 1):
        above = cost_RH[row - 1]
        best = above + 1
        best[1:] = np.minimum(best[1:], above[:-1] + (hyp != symbol))
        cost_RH[row] = np.minimum.accumulate(best - step_H) + step_H
    return cost_RH
