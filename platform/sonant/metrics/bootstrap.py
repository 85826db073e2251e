"""How sure a metric is: the percentile bootstrap (Efron & Tibshirani 1993, chapter 13)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


def interval(
    statistic: Callable[[Index], float],
    items: int,
    *,
    groups_N: Sequence[Hashable] | None = None,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """The interval that holds `confidence` of the statistic's values over resampled material.

    `statistic` gets the indices of a resample (with repetition). With `groups_N` (speakers) whole groups are drawn:
    clips of one speaker resemble each other, and drawing them alone would make the interval too narrow.
    """
    assert items > 0, "nothing to resample"
    random = np.random.default_rng(seed)
    values: list[float] = []
    members = _members(groups_N) if groups_N is not None else None
    for _ in range(draws):
        if members is None:
            index = random.integers(0, items, size=items)
        else:
            index = np.concatenate([members[at] for at in random.integers(0, len(members), size=len(members))])
        values.append(statistic(index))
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return float(low), float(high)


def _members(groups_N: Sequence[Hashable]) -> list[Index]:
    where: dict[Hashable, list[int]] = {}
    for at, group in enumerate(groups_N):
        where.setdefault(group, []).append(at)
    return [np.asarray(index, dtype=np.int64) for index in where.values()]
