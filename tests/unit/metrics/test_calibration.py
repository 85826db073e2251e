import math

import numpy as np
import pytest

from sonant.config.loss import Link
from sonant.metrics.calibration import expected_calibration_error, log_loss, log_scores, log_softmax, temperature


def logits_for(*scores: float) -> np.ndarray:
    """Two labels; the first one gets each score."""
    return np.log(np.array([[score, 1 - score] for score in scores], np.float64))


def test_log_loss_by_hand() -> None:
    loss = log_loss(np.array([[1.0, 3.0], [0.0, 0.0]], np.float32), np.array([0, 1]))
    assert loss.tolist() == pytest.approx([math.log(1 + math.exp(2)), math.log(2)])


def test_huge_logits_stay_finite() -> None:
    logits = np.array([[1e4, -1e4]], np.float32)
    assert np.isfinite(log_softmax(logits)).all()
    assert log_loss(logits, np.array([1]))[0] == pytest.approx(2e4)


def test_calibration_error_by_hand() -> None:
    # Bin (0.6, 0.8]: confidence 0.7, one of two right. Bin (0.8, 1.0]: confidence 0.9, all right.
    logits, label = logits_for(0.7, 0.7, 0.9, 0.9), np.array([0, 1, 0, 0])
    expected = (2 * abs(0.5 - 0.7) + 2 * abs(1.0 - 0.9)) / 4
    assert expected_calibration_error(logits, label, bins=5) == pytest.approx(expected)


def test_a_score_on_the_edge_of_a_bin_belongs_to_the_lower_one() -> None:
    # 0.75 and 0.6 share the bin (0.5, 0.75]: their errors cancel there, and would not in two bins.
    logits, label = logits_for(0.75, 0.6), np.array([0, 1])
    assert expected_calibration_error(logits, label, bins=4) == pytest.approx(abs(1.35 - 1.0) / 2)


def test_certainty_and_nothing() -> None:
    assert expected_calibration_error(np.array([[50.0, -50.0]]), np.array([0])) == pytest.approx(0.0)
    assert math.isnan(expected_calibration_error(np.zeros((0, 2)), np.zeros(0, np.int64)))


@pytest.mark.parametrize("true_t", [0.4, 1.0, 3.0])
def test_the_temperature_of_a_network_that_is_too_sure_or_unsure_is_found(true_t: float) -> None:
    rng = np.random.default_rng(0)
    logits_NK = 2.0 * rng.standard_normal((4000, 5))
    p_NK = np.exp(log_softmax(logits_NK))
    label_N = (p_NK.cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)
    told_NK = (true_t * logits_NK).astype(np.float32)
    found = temperature(told_NK, label_N)
    assert found == pytest.approx(true_t, rel=0.06)
    best = log_loss(told_NK / found, label_N).mean()
    assert all(best <= log_loss(told_NK / (found * by), label_N).mean() + 1e-4 for by in (0.9, 1.1))
    if true_t != 1.0:
        before, after = (expected_calibration_error(each, label_N) for each in (told_NK, told_NK / found))
        assert after < 0.03 < before


def test_few_clips_that_are_all_right_make_nothing_certain() -> None:
    logits_NK, label_N = np.eye(3).repeat(4, axis=0), np.arange(3).repeat(4)
    found = temperature(logits_NK, label_N)
    score = math.exp(-log_loss(logits_NK / found, label_N)[0])
    assert 0.9 < score < 0.999


def test_nothing_to_learn_from_and_all_wrong() -> None:
    assert temperature(np.zeros((0, 3)), np.zeros(0, np.int64)) == 1.0
    assert temperature(10 * np.eye(3), np.array([1, 2, 0])) == pytest.approx(20.0, rel=1e-3)


def test_labels_that_are_scored_for_themselves() -> None:
    """The loss is that of all labels together, or saying yes to everything would be best."""
    logits, label = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 3.0]]), np.array([0, 2])
    link = Link(kind="sigmoid", scale=2.0)
    score = 1 / (1 + np.exp(-2.0 * logits))
    np.testing.assert_allclose(np.exp(log_scores(logits, link)), score)
    by_hand = [
        -np.log(score[0, 0] * (1 - score[0, 1]) * (1 - score[0, 2])),
        -np.log(score[1, 2] * (1 - score[1, 0]) * (1 - score[1, 1])),
    ]
    np.testing.assert_allclose(log_loss(logits, label, link), by_hand)
    assert np.isfinite(log_loss(1e4 * logits, label, link)).all()
    gap = abs(score[0, 0] + score[1, 1] - 1) / 2  # both in the highest bin, one of them right
    assert expected_calibration_error(logits, label, link=link) == pytest.approx(gap)
