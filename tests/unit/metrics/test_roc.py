import math

import numpy as np
import pytest

from sonant.metrics import roc

SCORE = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
POSITIVE = np.array([1, 1, 0, 1, 0, 0])


def test_every_threshold_has_its_rates() -> None:
    curve = roc.det(SCORE, POSITIVE)
    assert curve.threshold_P.tolist() == [math.inf, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    assert curve.miss_P == pytest.approx([1, 2 / 3, 1 / 3, 1 / 3, 0, 0, 0])
    assert curve.false_alarm_P == pytest.approx([0, 0, 0, 1 / 3, 1 / 3, 2 / 3, 1])


def test_auc_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(0)
    score = rng.integers(0, 20, 300) / 10  # with ties
    positive = rng.random(300) < 0.4
    pairs = score[positive][:, None] - score[~positive][None]
    assert roc.auc(roc.det(score, positive)) == pytest.approx((pairs > 0).mean() + 0.5 * (pairs == 0).mean())
    assert roc.auc(roc.det(SCORE, POSITIVE)) == pytest.approx(8 / 9)


def test_equal_error_lies_where_the_rates_cross() -> None:
    rate, threshold = roc.equal_error(roc.det(SCORE, POSITIVE))
    assert (rate, threshold) == (pytest.approx(1 / 3), 0.7)
    rng = np.random.default_rng(0)
    score, positive = np.append(rng.normal(0, 1, 20_000), rng.normal(2, 1, 5000)), np.arange(25_000) >= 20_000
    rate, threshold = roc.equal_error(roc.det(score, positive))
    assert rate == pytest.approx(0.1587, abs=0.01)  # of two normal distributions, at their middle
    assert threshold == pytest.approx(1.0, abs=0.05)


def test_perfect_and_hopeless_scores() -> None:
    perfect = roc.det(np.array([3.0, 2.0, 1.0, 0.0]), np.array([1, 1, 0, 0]))
    assert (roc.auc(perfect), roc.equal_error(perfect)[0], roc.miss_at(perfect, 0.0)) == (1.0, 0.0, 0.0)
    assert perfect.threshold_P[0] == math.inf
    flat = roc.det(np.zeros(4), np.array([1, 1, 0, 0]))
    assert (roc.auc(flat), roc.miss_at(flat, 0.5), roc.equal_error(flat)[0]) == (0.5, 1.0, 0.5)


def test_a_class_without_items_has_no_rate() -> None:
    curve = roc.det(SCORE, np.ones(6, np.int64))
    assert math.isnan(roc.auc(curve))
    assert math.isnan(roc.miss_at(curve, 0.1))
    assert math.isnan(roc.equal_error(curve)[0])


def test_misses_at_a_rate_and_the_best_f1() -> None:
    curve = roc.det(SCORE, POSITIVE)
    assert roc.miss_at(curve, 0.01) == pytest.approx(1 / 3)
    assert roc.miss_at(curve, 0.34) == 0.0
    assert roc.best_f1(curve, 3, 3) == pytest.approx(6 / 7)
    assert math.isnan(roc.best_f1(roc.det(SCORE, np.zeros(6, np.int64)), 0, 6))


def test_a_thinned_curve_keeps_its_shape() -> None:
    rng = np.random.default_rng(0)
    score, positive = rng.normal(size=30_000), rng.random(30_000) < 0.5
    curve = roc.det(score + positive, positive)
    few = roc.thinned(curve, 100)
    assert len(few.miss_P) <= 100
    assert roc.auc(few) == pytest.approx(roc.auc(curve), abs=0.01)
    assert roc.thinned(few, 100) is few
