import numpy as np
import pytest

from sonant.metrics.roc import det
from sonant.track.det_chart import det_png, deviate


def test_rates_become_normal_deviates_within_the_picture() -> None:
    assert deviate(np.array([0.5])).tolist() == [pytest.approx(0.0)]
    low, high = deviate(np.array([0.0, 1.0]))
    assert low == pytest.approx(-3.29, abs=0.01)
    assert high == pytest.approx(1.28, abs=0.01)


def test_a_picture_of_some_curves() -> None:
    pytest.importorskip("matplotlib")
    rng = np.random.default_rng(0)
    positive = rng.random(2000) < 0.5
    curves = {
        "good": det(rng.normal(size=2000) + 3 * positive, positive),
        "no class": det(np.zeros(3), np.ones(3, int)),
    }
    picture = det_png(curves)
    assert picture is not None
    assert picture[:4] == b"\x89PNG"
