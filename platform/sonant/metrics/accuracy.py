"""Shares of right answers, read off a confusion matrix (row = true label). Empty material gives NaN."""

from __future__ import annotations

import numpy as np

from sonant.metrics.confusion import Matrix


def accuracy(confusion_KK: Matrix) -> float:
    """Right answers over all answers."""
    total = confusion_KK.sum()
    return float(np.trace(confusion_KK) / total) if total else float("nan")


def unweighted_average_recall(confusion_KK: Matrix) -> float:
    """Mean over the labels that occur of their recall: accuracy that a frequent label cannot dominate (UAR)."""
    count_K = confusion_KK.sum(axis=1)
    present_K = count_K > 0
    if not present_K.any():
        return float("nan")
    return float(np.mean(np.diag(confusion_KK)[present_K] / count_K[present_K]))
