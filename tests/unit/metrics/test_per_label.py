import json

import numpy as np
import pytest

from sonant.metrics.per_label import per_label


def test_by_hand() -> None:
    matrix_KK = np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]])
    found = per_label(matrix_KK, ("a", "b", "c"))
    assert found["a"] == pytest.approx({"precision": 1.0, "recall": 0.75, "f1": 6 / 7, "clips": 4})
    assert found["b"] == pytest.approx({"precision": 2 / 3, "recall": 1.0, "f1": 0.8, "clips": 2})
    assert found["c"] == {"precision": None, "recall": None, "f1": None, "clips": 0}
    assert json.loads(json.dumps(found)) == found


def test_a_label_that_nothing_is_taken_for_has_a_recall_and_an_f1() -> None:
    found = per_label(np.array([[0, 2], [0, 2]]), ("a", "b"))
    assert found["a"] == {"precision": None, "recall": 0.0, "f1": 0.0, "clips": 2}
