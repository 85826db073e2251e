"""The confusion matrix: row = true label, column = predicted label. Letters: N items, K labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer]
Matrix = NDArray[np.int64]


def confusion(label_N: Labels, predicted_N: Labels, outputs: int) -> Matrix:
    """Counts of (true, predicted) pairs, (K, K)."""
    assert label_N.shape == predicted_N.shape, "one prediction for each label"
    pairs_N = label_N.astype(np.int64) * outputs + predicted_N
    return np.bincount(pairs_N, minlength=outputs * outputs).reshape(outputs, outputs)
