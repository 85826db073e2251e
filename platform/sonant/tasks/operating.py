"""Operating points of a detector: thresholds chosen on validation recordings, and how sure their rates are.

    balanced   as many frames are missed as are taken for what they are not (equal error rate)
    low_fa     the lowest threshold from which on at most `low_fa_per_hour` segments an hour are false alarms

A false alarm is a segment in which the label is not heard at all. Intervals are 95 % of a bootstrap over recordings.
Letters: N frames of all recordings, K labels, R recordings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sonant.config.task import DetectTask, Postprocess
from sonant.metrics import roc
from sonant.metrics.bootstrap import interval
from sonant.runtime.info import OperatingPoint, Rate
from sonant.runtime.scores import Floats, sigmoid
from sonant.runtime.segments import segments

Ints = NDArray[np.integer]

_STEPS = 60
_BLOCK_S = 5.0


@dataclass(frozen=True)
class _Counts:
    """What a rule gives on each of R recordings."""

    missed_R: NDArray[np.float64]
    false_R: NDArray[np.float64]
    positives_R: NDArray[np.float64]
    frames_R: NDArray[np.float64]
    alarms_R: NDArray[np.float64]


def at_threshold(rule: Postprocess, threshold: float) -> Postprocess:
    """A rule whose `on` is this probability; `off` keeps its distance in log odds."""
    threshold = min(max(threshold, 1e-6), 1 - 1e-6)
    gap = _log_odds(rule.on) - _log_odds(rule.off)
    off = 1 / (1 + math.exp(gap - _log_odds(threshold)))
    return rule.model_copy(update={"on": threshold, "off": min(off, threshold)})


def choose(
    cfg: DetectTask, logits_NK: NDArray[np.floating], target_NK: Ints, row_N: Ints, frame_s: float
) -> dict[str, tuple[OperatingPoint, ...]]:
    """The operating points of each label, by name."""
    probability_NK = sigmoid(logits_NK.astype(np.float32))
    chosen: dict[str, list[OperatingPoint]] = {"balanced": [], "low_fa": []}
    for label in range(probability_NK.shape[1]):
        part = slice(label, label + 1)
        columns = (probability_NK[:, part], target_NK[:, part], row_N, frame_s)
        thresholds = {
            "balanced": _balanced(logits_NK[:, label], target_NK[:, label]),
            "low_fa": _low_fa(cfg, *columns),
        }
        for name, threshold in thresholds.items():
            chosen[name].append(measured(at_threshold(cfg.postprocess, threshold), *columns))
    return {name: tuple(points) for name, points in chosen.items()}


def measured(rule: Postprocess, probability_N1: Floats, target_N1: Ints, row_N: Ints, frame_s: float) -> OperatingPoint:
    """What a rule gives for one label, with intervals over recordings (over stretches of 5 s if there is only one)."""
    if len(np.unique(row_N)) == 1:
        counts = _count(rule, probability_N1, target_N1, row_N, frame_s, block=max(1, round(_BLOCK_S / frame_s)))
    else:
        counts = _count(rule, probability_N1, target_N1, row_N, frame_s)
    hours = counts.frames_R.sum() * frame_s / 3600
    return OperatingPoint(
        postprocess=rule,
        miss=_rate(counts.missed_R, counts.positives_R),
        false_alarm=_rate(counts.false_R, counts.frames_R - counts.positives_R),
        false_alarms_per_hour=_rate(counts.alarms_R, counts.frames_R * frame_s / 3600),
        hours=round(float(hours), 6),
    )


def segment_error(
    probability_NK: Floats, target_NK: Ints, row_N: Ints, rules: Sequence[Postprocess], frame_s: float
) -> float:
    """Missed and false time of the segments, by the time in which labels are heard; NaN when they never are."""
    wrong = heard = 0.0
    for label, rule in enumerate(rules):
        part = slice(label, label + 1)
        counts = _count(rule, probability_NK[:, part], target_NK[:, part], row_N, frame_s)
        wrong += float(counts.missed_R.sum() + counts.false_R.sum())
        heard += float(counts.positives_R.sum())
    return wrong / heard if heard else float("nan")


def _balanced(score_N: NDArray[np.floating], target_N: Ints) -> float:
    _, threshold = roc.equal_error(roc.det(score_N, target_N))
    return 0.5 if not math.isfinite(threshold) else 1 / (1 + math.exp(-threshold))


def _low_fa(cfg: DetectTask, probability_N1: Floats, target_N1: Ints, row_N: Ints, frame_s: float) -> float:
    """From strict to lax, the last threshold before there are too many false alarms."""
    hours = len(row_N) * frame_s / 3600
    passed = 1 - 1e-6
    for log_odds in np.linspace(10, -4, _STEPS):
        threshold = 1 / (1 + math.exp(-log_odds))
        counts = _count(at_threshold(cfg.postprocess, threshold), probability_N1, target_N1, row_N, frame_s)
        if counts.alarms_R.sum() > cfg.low_fa_per_hour * hours:
            break
        passed = threshold
    return passed


def _count(
    rule: Postprocess, probability_N1: Floats, target_N1: Ints, row_N: Ints, frame_s: float, block: int | None = None
) -> _Counts:
    """Frames and false alarms of each recording, or of blocks of so many frames of all of them."""
    found_N = np.zeros(len(row_N), bool)
    alarm_N = np.zeros(len(row_N))
    edge_R = np.flatnonzero(np.append(True, np.diff(row_N) != 0))
    for first, last in zip(edge_R, [*edge_R[1:], len(row_N)], strict=True):
        for event in segments(probability_N1[first:last], [rule], ("",), frame_s):
            begin, end = (first + round(time_s / frame_s) for time_s in (event.t_start, event.t_end))
            found_N[begin : min(end, last)] = True
            if not target_N1[begin : min(end, last)].any():
                alarm_N[min(begin, last - 1)] += 1
    target_N = target_N1[:, 0].astype(bool)
    starts = edge_R if block is None else np.arange(0, len(row_N), block)
    columns = (target_N & ~found_N, found_N & ~target_N, target_N, np.ones(len(row_N)), alarm_N)
    return _Counts(*(np.add.reduceat(column_N.astype(np.float64), starts) for column_N in columns))


def _rate(part_R: NDArray[np.float64], whole_R: NDArray[np.float64]) -> Rate:
    def share(index: NDArray[np.int64]) -> float:
        whole = float(whole_R[index].sum())
        return float(part_R[index].sum()) / whole if whole else 0.0

    low, high = interval(share, len(part_R))
    return Rate(value=share(np.arange(len(part_R))), low=low, high=high)


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))
