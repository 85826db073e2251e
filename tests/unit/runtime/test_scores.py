"""Outputs to scores, and the same once more in logarithms."""

import numpy as np
import pytest

from sonant.config.loss import Link
from sonant.metrics.calibration import log_scores
from sonant.runtime.scores import probabilities, sigmoid, softmax

HUGE = np.array([[1e4, 1e4, -1e4], [-1e4, -1e4, -1e4], [0, 1, 2]], np.float32)


def test_softmax_sums_to_one_and_survives_huge_logits() -> None:
    scores = softmax(HUGE)
    np.testing.assert_allclose(scores.sum(-1), 1, atol=1e-6)
    np.testing.assert_allclose(scores[0], [0.5, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(scores[2], np.exp(HUGE[2]) / np.exp(HUGE[2]).sum(), rtol=1e-6)
    assert scores.dtype == np.float32


def test_sigmoid_scores_each_for_itself_and_survives_huge_logits() -> None:
    scores = sigmoid(HUGE)
    np.testing.assert_allclose(scores[:2], [[1, 1, 0], [0, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(scores[2], 1 / (1 + np.exp(-HUGE[2])), rtol=1e-6)
    assert scores.dtype == np.float32


@pytest.mark.parametrize(
    "link", [Link(), Link(kind="sigmoid"), Link(scale=30), Link(kind="sigmoid", scale=0.5)], ids=str
)
def test_evaluation_and_serving_agree(link: Link) -> None:
    outputs = np.random.default_rng(0).uniform(-1, 1, (2, 5, 4)).astype(np.float32)
    scores = probabilities(outputs, link)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.reshape(-1, 4), np.exp(log_scores(outputs.reshape(-1, 4), link)), rtol=1e-5)


def test_scale_is_what_makes_cosines_logits() -> None:
    assert probabilities(np.array([0.9, 0.5], np.float32), Link()).max() < 0.6
    assert probabilities(np.array([0.9, 0.5], np.float32), Link(scale=30)).max() > 0.99
