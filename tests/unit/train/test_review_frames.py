"""Reviews of detectors: what the run's own files do not show. (tests/unit/export/test_export_detect.py reads those.)"""

from pathlib import Path

import numpy as np
import pytest

from sonant.train.evaluate import Scored
from sonant.train.review_frames import at_points, auc_interval, curves, read_points


def scored(rows: int) -> Scored:
    rng = np.random.default_rng(0)
    target_N1 = (np.arange(600) // 30 % 2)[:, None]
    logits_N1 = (2.0 * target_N1 - 1 + rng.normal(0, 1, (600, 1))).astype(np.float32)
    return Scored(np.arange(600) // (600 // rows), target_N1, logits_N1)


@pytest.mark.parametrize("rows", [1, 6])
def test_the_interval_holds_the_value(rows: int) -> None:
    bounds = auc_interval(scored(rows))
    assert 0.85 < bounds["auc_low"] < 0.92 < bounds["auc_high"] < 0.99


def test_points_are_read_back_and_measured_elsewhere(detect_run: Path) -> None:
    points = read_points(str(detect_run))
    elsewhere = at_points(points, scored(6), 0.02)
    assert elsewhere.keys() == points.keys()
    for name, (point,) in points.items():
        assert elsewhere[name][0].postprocess == point.postprocess
        assert elsewhere[name][0].hours == pytest.approx(600 * 0.02 / 3600, abs=1e-6)


def test_curves_by_split_and_label() -> None:
    found = curves(("x",), {"test": scored(6)})
    assert found["test"]["x"].miss_P[0] == 1.0
