import math

import numpy as np
import pytest

from sonant.metrics.accuracy import accuracy, unweighted_average_recall

MATRIX = np.array([[8, 2, 0], [1, 1, 0], [0, 0, 0]])


def test_accuracy_counts_clips_and_recall_counts_labels() -> None:
    assert accuracy(MATRIX) == pytest.approx(9 / 12)
    assert unweighted_average_recall(MATRIX) == pytest.approx((8 / 10 + 1 / 2) / 2)


def test_nothing_is_nan() -> None:
    assert math.isnan(accuracy(np.zeros((2, 2), np.int64)))
    assert math.isnan(unweighted_average_recall(np.zeros((2, 2), np.int64)))
