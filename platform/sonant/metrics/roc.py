"""How well one score tells two classes apart, at every threshold: ROC, DET, and single figures read off them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


class Det(NamedTuple):
    """Miss and false-alarm rate (P) at each threshold: a score counts as positive from the threshold up.

    Thresholds fall, so misses fall and false alarms grow; the first one is above every score.
    """

    threshold_P: NDArray[np.float64]
    miss_P: NDArray[np.float64]
    false_alarm_P: NDArray[np.float64]


def det(score_N: Floats, positive_N: NDArray[np.integer] | NDArray[np.bool_]) -> Det:
    """The curve of N scores whose true class is known; rates of a class without items are NaN."""
    order = np.argsort(-score_N, kind="stable")
    score_N, hit_N = score_N[order].astype(np.float64), positive_N[order].astype(np.bool_)
    # Equal scores pass a threshold together.
    last_P = np.flatnonzero(np.append(np.diff(score_N) != 0, True)) if score_N.size else np.zeros(0, np.int64)
    hits_P, alarms_P = np.cumsum(hit_N)[last_P], np.cumsum(~hit_N)[last_P]
    with np.errstate(invalid="ignore", divide="ignore"):
        miss_P = 1 - np.concatenate(([0], hits_P)) / np.float64(hit_N.sum())
        false_alarm_P = np.concatenate(([0], alarms_P)) / np.float64((~hit_N).sum())
    return Det(np.concatenate(([np.inf], score_N[last_P])), miss_P, false_alarm_P)


def auc(curve: Det) -> float:
    """Area under the ROC curve: the chance that a positive scores higher than a negative (half of it at a tie)."""
    return float(np.trapezoid(1 - curve.miss_P, curve.false_alarm_P))


def equal_error(curve: Det) -> tuple[float, float]:
    """The equal error rate, between the two thresholds where the curves cross, and the nearest threshold there."""
    gap_P = curve.false_alarm_P - curve.miss_P
    if np.isnan(gap_P).any():
        return float("nan"), float("nan")
    after = int(np.argmax(gap_P >= 0))
    before = max(after - 1, 0)
    step = gap_P[after] - gap_P[before]
    share = 0.0 if step == 0 else -gap_P[before] / step
    rate = curve.miss_P[before] + share * (curve.miss_P[after] - curve.miss_P[before])
    nearest = after if abs(gap_P[after]) <= abs(gap_P[before]) or before == 0 else before
    return float(rate), float(curve.threshold_P[nearest])


def miss_at(curve: Det, false_alarm: float) -> float:
    """The lowest miss rate at no more than this false-alarm rate."""
    if np.isnan(curve.false_alarm_P).any():
        return float("nan")
    return float(curve.miss_P[np.flatnonzero(curve.false_alarm_P <= false_alarm)[-1]])


def best_f1(curve: Det, positives: int, negatives: int) -> float:
    """The largest F1 over all thresholds."""
    hits_P, alarms_P = positives * (1 - curve.miss_P), negatives * curve.false_alarm_P
    if positives == 0:
        return float("nan")
    return float(np.max(2 * hits_P / (hits_P + alarms_P + positives)))


def thinned(curve: Det, points: int = 200) -> Det:
    """Some points of a long curve, close together where rates are small, as a DET chart wants them."""
    if len(curve.threshold_P) <= points:
        return curve
    half = np.geomspace(1e-4, 0.5, (points - 2) // 2)
    at_P = np.searchsorted(curve.false_alarm_P, np.concatenate((half, 1 - half[::-1])), side="right") - 1
    at_P = np.unique(np.concatenate(([0], at_P, [len(curve.threshold_P) - 1])))
    return Det(*(column_P[at_P] for column_P in curve))
