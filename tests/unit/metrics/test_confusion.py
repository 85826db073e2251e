import numpy as np

from sonant.metrics.confusion import confusion


def test_rows_are_true_labels() -> None:
    matrix = confusion(np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 0, 2, 2]), 4)
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]


def test_nothing_gives_zeros() -> None:
    empty = np.zeros(0, np.int64)
    assert confusion(empty, empty, 2).tolist() == [[0, 0], [0, 0]]
