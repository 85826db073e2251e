"""Figures of many items as means with intervals, and two systems compared on the same items."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonant.metrics import bootstrap

Figures = Mapping[str, float | None]


class Mean(NamedTuple):
    """A mean over items, the interval that holds it, and how many items it is of."""

    mean: float
    low: float
    high: float
    items: int
    missing: int
    """Items of which it could not be computed: they are in no mean."""


def summarise(
    figures: Sequence[Figures], groups: Sequence[Hashable] | None = None, *, draws: int = 1000, seed: int = 0
) -> dict[str, Mean]:
    """Mean and 95 % interval of each figure over the items that have it; `groups` (speakers) are drawn whole. A figure
    that no item has is NaN."""
    names = dict.fromkeys(name for item in figures for name in item)
    return {name: _mean(*_column(figures, groups, name), draws, seed) for name in names}


def compare(
    ours: Sequence[float],
    theirs: Sequence[float],
    groups: Sequence[Hashable] | None = None,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Mean:
    """Mean and 95 % interval of ours - theirs, item by item: the paired bootstrap (Efron & Tibshirani 1993, ch. 16).

    Items that are hard are hard for both: the interval of the differences is narrower than those of the two means.
    Items of which either is NaN are left out, and counted.
    """
    difference_N = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    known_N = ~np.isnan(difference_N)
    kept = None if groups is None else [group for group, known in zip(groups, known_N, strict=True) if known]
    return _mean(difference_N[known_N], int((~known_N).sum()), kept, draws, seed)


def _column(
    figures: Sequence[Figures], groups: Sequence[Hashable] | None, name: str
) -> tuple[NDArray[np.float64], int, list[Hashable] | None]:
    rows = [row for row, item in enumerate(figures) if name in item]
    value = [figures[row][name] for row in rows]
    known = [row for row, number in zip(rows, value, strict=True) if number is not None]
    kept = None if groups is None else [groups[row] for row in known]
    return np.array([number for number in value if number is not None], np.float64), len(rows) - len(known), kept


def _mean(value_N: NDArray[np.float64], missing: int, groups: Sequence[Hashable] | None, draws: int, seed: int) -> Mean:
    if not value_N.size:
        return Mean(float("nan"), float("nan"), float("nan"), 0, missing)

    def of(index: NDArray[np.int64]) -> float:
        return float(value_N[index].mean())

    low, high = bootstrap.interval(of, value_N.size, groups_N=groups, draws=draws, seed=seed)
    return Mean(float(value_N.mean()), low, high, value_N.size, missing)
