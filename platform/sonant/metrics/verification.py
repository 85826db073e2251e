"""Verification, are two recordings of the same speaker: pairs (trials), their scores, and how sure a figure is.

Letters: N recordings, E numbers of an embedding, P trials. Rates of errors are read off `metrics.roc.det`: a miss is a
false rejection, a false alarm a false acceptance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonant.metrics.roc import Det

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]

_LISTED = 4_000_000
"""Most pairs that are listed before some are drawn."""
_AT_ONCE = 100_000
"""Trials that are scored at once."""


class Trials(NamedTuple):
    """Pairs of recordings by their numbers, and whether they are the same."""

    first_P: Ints
    second_P: Ints
    same_P: NDArray[np.bool_]

    def some(self, index: Ints) -> Trials:
        return Trials(self.first_P[index], self.second_P[index], self.same_P[index])


def pairs(identity_N: Ints, *, most: int, balanced: bool = False, seed: int = 0) -> Trials:
    """Pairs of recordings, none of one with itself and none twice: all of them, or `most` where there are more.

    Then, and with `balanced`, at most half of them are same ones, which are rare: error rates do not depend on how many
    there are of each sort. `balanced` gives as many different as same pairs. The draw depends on the seed alone.
    """
    count, random = len(identity_N), np.random.default_rng(seed)
    if count * (count - 1) // 2 <= _LISTED:
        first_P, second_P = np.triu_indices(count, 1)
    else:
        first_P, second_P = _drawn(identity_N, most, random)
    same_P = identity_N[first_P] == identity_N[second_P]
    same, different = np.flatnonzero(same_P), np.flatnonzero(~same_P)
    if balanced:
        same_most = different_most = min(len(same), len(different), most // 2)
    else:
        same_most = min(len(same), max(most // 2, most - len(different)))
        different_most = most - same_most
    kept = np.concatenate((_some(same, same_most, random), _some(different, different_most, random)))
    return Trials(first_P, second_P, same_P).some(np.sort(kept))


def cosines(emb_NE: Floats, trials: Trials) -> Floats:
    """score_P: how alike the two recordings of each trial are."""
    unit_NE = emb_NE / np.maximum(np.linalg.norm(emb_NE, axis=1, keepdims=True), 1e-12)
    parts = [
        np.einsum("pe,pe->p", unit_NE[trials.first_P[at : at + _AT_ONCE]], unit_NE[trials.second_P[at : at + _AT_ONCE]])
        for at in range(0, len(trials.same_P), _AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def min_dcf(curve: Det, p_target: float) -> float:
    """The lowest detection cost over all thresholds, by that of the better of always yes and always no (NIST SRE).

    Misses and false acceptances cost the same; a share `p_target` of the trials is expected to be the same.
    """
    cost_P = p_target * curve.miss_P + (1 - p_target) * curve.false_alarm_P
    return float(cost_P.min() / min(p_target, 1 - p_target))


def threshold_at(curve: Det, false_accept: float) -> float:
    """The lowest threshold at which at most this share of the different pairs is accepted; always a number."""
    at = int(np.flatnonzero(curve.false_alarm_P <= false_accept)[-1])
    # The first threshold is infinite: accept nothing. Just above the highest score does that as well.
    return float(np.nextafter(curve.threshold_P[1], np.inf) if at == 0 else curve.threshold_P[at])


def interval(
    statistic: Callable[[Floats], float],
    trials: Trials,
    identity_N: Ints,
    *,
    draws: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """The percentile bootstrap over speakers: `statistic` gets the weight of each trial in a resample of the speakers.

    Trials share recordings and speakers, so they are not drawn one by one. A speaker who is drawn m times weighs
    every same pair of theirs m times, and pairs with one who is drawn n times m n times.
    """
    random = np.random.default_rng(seed)
    known, number_N = np.unique(identity_N, return_inverse=True)
    first_P, second_P = number_N[trials.first_P], number_N[trials.second_P]
    values: list[float] = []
    for _ in range(draws):
        times = np.bincount(random.integers(0, len(known), len(known)), minlength=len(known)).astype(np.float64)
        weight_P = np.where(trials.same_P, times[first_P], times[first_P] * times[second_P])
        value = statistic(weight_P)
        if not np.isnan(value):
            values.append(value)
    if not values:
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


class WeightedEer:
    """The equal error rate of scores whose trials have weights; sorted once, for many weights."""

    def __init__(self, score_P: Floats, same_P: NDArray[np.bool_]) -> None:
        self._order = np.argsort(-score_P, kind="stable")
        self._same_P = same_P[self._order]

    def __call__(self, weight_P: Floats) -> float:
        weight_P = weight_P[self._order]
        hits_P = np.cumsum(np.where(self._same_P, weight_P, 0.0))
        alarms_P = np.cumsum(np.where(self._same_P, 0.0, weight_P))
        if hits_P[-1] == 0 or alarms_P[-1] == 0:
            return float("nan")
        miss_P, false_P = 1 - hits_P / hits_P[-1], alarms_P / alarms_P[-1]
        at = int(np.argmax(false_P >= miss_P))
        return float((miss_P[at] + false_P[at]) / 2)


def weighted_rate(hit_P: NDArray[np.bool_], among_P: NDArray[np.bool_]) -> Callable[[Floats], float]:
    """The share of `hit` `among` some trials, as a statistic of weights."""

    def rate(weight_P: Floats) -> float:
        whole = float(weight_P[among_P].sum())
        return float(weight_P[among_P & hit_P].sum()) / whole if whole else float("nan")

    return rate


def _drawn(identity_N: Ints, most: int, random: np.random.Generator) -> tuple[Ints, Ints]:
    """Many different pairs and many same ones where not all can be listed; each once, the smaller number first."""
    count = len(identity_N)
    order = np.argsort(identity_N, kind="stable")
    _, start_I, size_I = np.unique(identity_N[order], return_index=True, return_counts=True)
    share_I = size_I * (size_I - 1.0)
    wide_P2 = random.integers(0, count, (2 * most, 2))
    group_P = random.choice(len(size_I), most, p=share_I / share_I.sum())
    inside_P2 = order[start_I[group_P][:, None] + random.integers(0, size_I[group_P][:, None], (most, 2))]
    both_P2 = np.sort(np.concatenate((wide_P2, inside_P2)), axis=1)
    code_P = np.unique(both_P2[:, 0] * count + both_P2[:, 1])
    first_P, second_P = code_P // count, code_P % count
    other_P = first_P != second_P
    return first_P[other_P], second_P[other_P]


def _some(index: Ints, most: int, random: np.random.Generator) -> Ints:
    return index if len(index) <= most else random.choice(index, most, replace=False)
