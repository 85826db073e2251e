"""Can the scores be believed: log loss and expected calibration error. Letters: N items, K labels.

The formulas of runtime.scores once more, as logarithms in float64: a score that rounds to 0 or 1 has a loss, too.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sonant.config.loss import Link
from sonant.metrics.confusion import Labels

Floats = NDArray[np.floating]

_LOG_T = math.log(20.0)
_SOFTMAX = Link()


def log_softmax(logits_NK: Floats) -> NDArray[np.float64]:
    """Log probabilities in float64, (N, K)."""
    shifted_NK = logits_NK.astype(np.float64) - logits_NK.max(axis=1, keepdims=True)
    return shifted_NK - np.log(np.exp(shifted_NK).sum(axis=1, keepdims=True))


def log_scores(logits_NK: Floats, link: Link) -> NDArray[np.float64]:
    """Log of each label's score in float64, (N, K)."""
    scaled_NK = logits_NK.astype(np.float64) * link.scale
    return log_softmax(scaled_NK) if link.kind == "softmax" else -np.logaddexp(0.0, -scaled_NK)


def log_loss(logits_NK: Floats, label_N: Labels, link: Link = _SOFTMAX) -> NDArray[np.float64]:
    """-log of how likely the scores make what each item is, (N,): that it has its label; where each label is scored
    for itself, also that it has none of the others."""
    right_N1 = label_N[:, None].astype(np.int64)
    loss_N = -np.take_along_axis(log_scores(logits_NK, link), right_N1, axis=1)[:, 0]
    if link.kind == "softmax":
        return loss_N
    # 1 - sigmoid(x) = sigmoid(-x)
    loss_NK = -log_scores(-logits_NK, link)
    return loss_N + loss_NK.sum(axis=1) - np.take_along_axis(loss_NK, right_N1, axis=1)[:, 0]


def expected_calibration_error(logits_NK: Floats, label_N: Labels, bins: int = 15, link: Link = _SOFTMAX) -> float:
    """Mean distance between confidence and accuracy over equal bins of confidence, weighed by their items
    (Guo et al. 2017, equation 3)."""
    score_NK = np.exp(log_scores(logits_NK, link))
    confidence_N = score_NK.max(axis=1)
    right_N = (score_NK.argmax(axis=1) == label_N).astype(np.float64)
    if not len(label_N):
        return float("nan")
    # Bins are (low, high], as in the paper; confidence is never 0, so none is lost.
    bin_N = np.clip(np.ceil(confidence_N * bins).astype(np.int64) - 1, 0, bins - 1)
    gap_bins = np.bincount(bin_N, confidence_N, bins) - np.bincount(bin_N, right_N, bins)
    return float(np.abs(gap_bins).sum() / len(label_N))


def temperature(logits_NK: Floats, label_N: Labels, link: Link = _SOFTMAX) -> float:
    """The T for which the scores of logits / T have the least log loss (Guo et al. 2017, section 4.2).

    As in Platt 1999, section 2.2, the target is (N + 1) / (N + 2) and not 1, so that a network that is always right on
    few clips does not become certain of everything; without items, T is 1. The loss is convex in 1 / T: a golden
    section search over log T between 1/20 and 20 finds its only minimum.
    """
    if not len(label_N):
        return 1.0
    doubt = 1.0 / (len(label_N) + 2)

    def loss(log_t: float) -> float:
        cooled = link.cooled(math.exp(log_t))
        sure = log_loss(logits_NK, label_N, cooled).mean()
        return float((1.0 - doubt) * sure - doubt * log_scores(logits_NK, cooled).mean())

    ratio = (math.sqrt(5.0) - 1.0) / 2.0
    low, high = -_LOG_T, _LOG_T
    while high - low > 1e-4:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if loss(left) <= loss(right) else (left, high)
    return math.exp((low + high) / 2.0)
