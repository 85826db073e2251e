"""Can the scores be believed: log loss and expected calibration error. Letters: N items, K labels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sonant.metrics.confusion import Labels

Floats = NDArray[np.floating]

_LOG_T = math.log(20.0)


def log_softmax(logits_NK: Floats) -> NDArray[np.float64]:
    """Log probabilities in float64, (N, K)."""
    shifted_NK = logits_NK.astype(np.float64) - logits_NK.max(axis=1, keepdims=True)
    return shifted_NK - np.log(np.exp(shifted_NK).sum(axis=1, keepdims=True))


def log_loss(logits_NK: Floats, label_N: Labels) -> NDArray[np.float64]:
    """-log p(true label) of each item, (N,)."""
    return -np.take_along_axis(log_softmax(logits_NK), label_N[:, None].astype(np.int64), axis=1)[:, 0]


def expected_calibration_error(logits_NK: Floats, label_N: Labels, bins: int = 15) -> float:
    """Mean distance between confidence and accuracy over equal bins of confidence, weighed by their items
    (Guo et al. 2017, equation 3)."""
    score_NK = np.exp(log_softmax(logits_NK))
    confidence_N = score_NK.max(axis=1)
    right_N = (score_NK.argmax(axis=1) == label_N).astype(np.float64)
    if not len(label_N):
        return float("nan")
    # Bins are (low, high], as in the paper; confidence is never 0, so none is lost.
    bin_N = np.clip(np.ceil(confidence_N * bins).astype(np.int64) - 1, 0, bins - 1)
    gap_bins = np.bincount(bin_N, confidence_N, bins) - np.bincount(bin_N, right_N, bins)
    return float(np.abs(gap_bins).sum() / len(label_N))


def temperature(logits_NK: Floats, label_N: Labels) -> float:
    """The T for which softmax(logits / T) has the least log loss (Guo et al. 2017, section 4.2); 1.0 without items.

    As in Platt 1999, section 2.2, the target is (N + 1) / (N + 2) and not 1, so that a network that is always right on
    few clips does not become certain of everything. The loss is convex in 1 / T: a golden section search over log T
    between 1/20 and 20 finds its only minimum.
    """
    if not len(label_N):
        return 1.0
    doubt = 1.0 / (len(label_N) + 2)

    def loss(log_t: float) -> float:
        log_p_NK = log_softmax(logits_NK.astype(np.float64) / math.exp(log_t))
        right_N = np.take_along_axis(log_p_NK, label_N[:, None].astype(np.int64), axis=1)
        return -float((1.0 - doubt) * right_N.mean() + doubt * log_p_NK.mean())

    ratio = (math.sqrt(5.0) - 1.0) / 2.0
    low, high = -_LOG_T, _LOG_T
    while high - low > 1e-4:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if loss(left) <= loss(right) else (left, high)
    return math.exp((low + high) / 2.0)
