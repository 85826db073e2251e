"""Trials and their figures, against the long way round."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.metrics import roc, verification
from sonant.metrics.verification import Trials, WeightedEer, cosines, interval, min_dcf, pairs, threshold_at

IDENTITY = np.array([0, 0, 0, 1, 1, 2])


def test_all_pairs_once() -> None:
    found = pairs(IDENTITY, most=1000)
    assert len(found.same_P) == 15
    assert found.same_P.sum() == 3 + 1
    assert (found.first_P < found.second_P).all()


def test_balanced_pairs_are_as_many_of_both_sorts() -> None:
    found = pairs(IDENTITY, most=1000, balanced=True)
    assert (int(found.same_P.sum()), len(found.same_P)) == (4, 8)


def test_a_limit_keeps_the_rare_ones_and_is_the_same_each_time() -> None:
    identity = np.arange(200) // 4
    found = pairs(identity, most=1000)
    assert (len(found.same_P), int(found.same_P.sum())) == (1000, 300)
    assert np.array_equal(found.first_P, pairs(identity, most=1000).first_P)


def test_too_many_to_list_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "_LISTED", 10)
    identity = np.random.default_rng(0).integers(0, 20, 300)
    found = pairs(identity, most=400)
    assert (len(found.same_P), int(found.same_P.sum())) == (400, 200)
    assert np.array_equal(found.same_P, identity[found.first_P] == identity[found.second_P])
    assert len(set(zip(found.first_P.tolist(), found.second_P.tolist(), strict=True))) == 400
    assert (found.first_P < found.second_P).all()


def test_cosines_do_not_depend_on_length() -> None:
    trials = Trials(np.array([0, 0]), np.array([1, 2]), np.array([True, False]))
    assert cosines(np.array([[1.0, 0], [5, 5], [0, 0.1]]), trials) == pytest.approx([2**-0.5, 0])


def _some(seed: int = 0, count: int = 400) -> tuple[np.ndarray, Trials, np.ndarray]:
    random = np.random.default_rng(seed)
    identity = np.repeat(np.arange(10), 4)
    trials = pairs(identity, most=count)
    return random.standard_normal(len(trials.same_P)) + 1.5 * trials.same_P, trials, identity


def test_cost_and_thresholds_by_the_long_way() -> None:
    score, trials, _ = _some()
    curve = roc.det(score, trials.same_P)
    costs = [
        0.05 * (score[trials.same_P] < t).mean() + 0.95 * (score[~trials.same_P] >= t).mean()
        for t in (*score, score.max() + 1)
    ]
    assert min_dcf(curve, 0.05) == pytest.approx(min(costs) / 0.05)
    for share in (0.0, 0.1, 0.5):
        threshold = threshold_at(curve, share)
        assert (score[~trials.same_P] >= threshold).mean() <= share
        assert np.isfinite(threshold)
    assert (score[~trials.same_P] >= threshold_at(curve, 0.1)).mean() > 0.1 - 2 / (~trials.same_P).sum()


def test_equal_weights_give_the_plain_rate() -> None:
    score, trials, _ = _some()
    plain = roc.equal_error(roc.det(score, trials.same_P))[0]
    assert WeightedEer(score, trials.same_P)(np.ones(len(score))) == pytest.approx(plain, abs=0.01)


def test_the_interval_is_over_speakers() -> None:
    score, trials, identity = _some()
    low, high = interval(WeightedEer(score, trials.same_P), trials, identity)
    assert low < WeightedEer(score, trials.same_P)(np.ones(len(score))) < high
    # One speaker whose every pair fails moves the rate more than as many single failures would.
    own = trials.same_P & (identity[trials.first_P] == 0)
    worse = np.where(own, -9.0, score)
    assert np.diff(interval(WeightedEer(worse, trials.same_P), trials, identity))[0] > high - low


def test_a_pair_weighs_as_often_as_its_speakers_are_drawn() -> None:
    trials = Trials(np.array([0, 2, 0]), np.array([1, 3, 2]), np.array([True, True, False]))
    seen: list[list[float]] = []

    def statistic(weight_P: np.ndarray) -> float:
        seen.append(weight_P.tolist())
        return 0.0

    interval(statistic, trials, np.array([7, 7, 9, 9]), draws=30)
    assert {tuple(weights) for weights in seen} == {(2, 0, 0), (1, 1, 1), (0, 2, 0)}
