"""F1 scores, read off a confusion matrix (row = true label)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.metrics.confusion import Matrix


def f1(confusion_KK: Matrix) -> NDArray[np.float64]:
    """F1 of each label, (K,): 2 TP / (2 TP + FP + FN); NaN for a label that neither occurs nor is predicted."""
    hits_K = np.diag(confusion_KK).astype(np.float64)
    involved_K = (confusion_KK.sum(axis=0) + confusion_KK.sum(axis=1)).astype(np.float64)
    return np.divide(2.0 * hits_K, involved_K, out=np.full_like(hits_K, np.nan), where=involved_K > 0)


def macro_f1(confusion_KK: Matrix) -> float:
    """Mean F1 over the labels that occur or are predicted."""
    scores_K = f1(confusion_KK)
    known_K = ~np.isnan(scores_K)
    return float(scores_K[known_K].mean()) if known_K.any() else float("nan")
