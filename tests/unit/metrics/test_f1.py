import math

import numpy as np
import pytest

from sonant.metrics.f1 import f1, macro_f1

MATRIX = np.array([[8, 2, 0, 1], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


def test_by_hand() -> None:
    precision, recall = 8 / 9, 8 / 11
    scores = f1(MATRIX)
    assert scores[0] == pytest.approx(2 * precision * recall / (precision + recall))
    assert scores[1] == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))
    assert math.isnan(scores[2])  # never there, never predicted
    assert scores[3] == 0.0  # predicted, never there
    assert macro_f1(MATRIX) == pytest.approx((scores[0] + scores[1] + 0.0) / 3)


def test_nothing_is_nan() -> None:
    assert math.isnan(macro_f1(np.zeros((2, 2), np.int64)))
