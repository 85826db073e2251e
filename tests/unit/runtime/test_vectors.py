"""Directions, and what lies between them."""

import numpy as np
import pytest

from sonant.runtime.vectors import cosine, normalised, pooled


def test_only_directions_count() -> None:
    assert pooled([[10.0, 0.0], [0.0, 0.1]]) == pytest.approx([2**-0.5, 2**-0.5])
    assert pooled([3.0, 4.0]) == pytest.approx([0.6, 0.8])
    assert cosine([2.0, 0.0], [5.0, 5.0]) == pytest.approx(2**-0.5)
    assert cosine([0.3, 0.4], [30.0, 40.0]) <= 1.0


def test_nothing_stays_nothing() -> None:
    assert normalised(np.zeros((2, 3))).tolist() == [[0, 0, 0]] * 2
    assert cosine([0.0, 0.0], [1.0, 0.0]) == 0.0
