"""Operating points of embeddings: cosines from which two recordings count as the same, chosen on validation recordings.

    equal_error        as many same pairs are refused as different ones are accepted
    low_false_accept   at most `task.low_false_accept` of the different pairs are accepted

Intervals are 95 % of a bootstrap over speakers. Letters: N recordings, P trials.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.config.task import EmbedTask
from sonant.metrics import roc
from sonant.metrics.verification import Ints, Trials, WeightedEer, interval, threshold_at, weighted_rate
from sonant.runtime.info import Rate, VerifyPoint

Floats = NDArray[np.floating]

_MOST = 100_000
"""Trials that an interval is drawn from: more make it slower, hardly narrower."""


def choose(cfg: EmbedTask, score_P: Floats, trials: Trials, identity_N: Ints) -> dict[str, VerifyPoint]:
    """The operating points, by name."""
    curve = roc.det(score_P, trials.same_P)
    thresholds = {
        "equal_error": roc.equal_error(curve)[1],
        "low_false_accept": threshold_at(curve, cfg.low_false_accept),
    }
    return {name: measured(value, score_P, trials, identity_N) for name, value in thresholds.items()}


def measured(threshold: float, score_P: Floats, trials: Trials, identity_N: Ints) -> VerifyPoint:
    """What a threshold gives."""
    accepted_P, same_P = score_P >= threshold, trials.same_P
    return VerifyPoint(
        threshold=threshold,
        false_accept=_rate(accepted_P, ~same_P, trials, identity_N),
        false_reject=_rate(~accepted_P, same_P, trials, identity_N),
        same=int(same_P.sum()),
        different=int((~same_P).sum()),
    )


def eer_interval(score_P: Floats, trials: Trials, identity_N: Ints) -> tuple[float, float]:
    """The 95 % interval of the equal error rate, over speakers."""
    index = _thinned(trials)
    some = trials.some(index)
    return interval(WeightedEer(score_P[index], some.same_P), some, identity_N)


def _rate(hit_P: NDArray[np.bool_], among_P: NDArray[np.bool_], trials: Trials, identity_N: Ints) -> Rate:
    value = float(hit_P[among_P].mean())
    index = _thinned(trials)
    low, high = interval(weighted_rate(hit_P[index], among_P[index]), trials.some(index), identity_N)
    # The trials that the interval is drawn from may miss the value itself by a little.
    return Rate(value=value, low=min(low, value), high=max(high, value))


def _thinned(trials: Trials) -> Ints:
    """Every n-th trial, of each sort, where there are many."""
    sorts = (np.flatnonzero(trials.same_P), np.flatnonzero(~trials.same_P))
    return np.sort(np.concatenate([index[:: -(-2 * len(index) // _MOST) or 1] for index in sorts]))
