"""Can the scores be believed: log loss and expected calibration error. Letters: N items, K labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.metrics.confusion import Labels

Floats = NDArray[np.floating]


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
