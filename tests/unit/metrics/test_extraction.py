import numpy as np
import pytest

from sonant.metrics.extraction import confused, depth_db, speaker_accuracy

RANDOM = np.random.default_rng(0)
TARGET, OTHERS = RANDOM.standard_normal(2000), RANDOM.standard_normal((2, 2000))


def test_confusion_is_nearness_to_the_wrong_voice() -> None:
    assert confused(TARGET + 0.5 * OTHERS[0], TARGET, OTHERS) is False
    assert confused(0.5 * TARGET + OTHERS[1], TARGET, OTHERS) is True
    assert confused(TARGET, TARGET, np.zeros((1, 2000))) is None
    assert confused(TARGET, TARGET, np.zeros((0, 2000))) is None
    assert confused(TARGET, np.zeros(2000), OTHERS) is None


def test_depth_under_the_mixture() -> None:
    assert depth_db(0.1 * TARGET, TARGET) == pytest.approx(20)
    assert depth_db(2 * TARGET, TARGET) == pytest.approx(-6.02, abs=0.01)
    assert depth_db(np.zeros(2000), TARGET) == depth_db(1e-9 * TARGET, TARGET) == 100
    assert np.isnan(depth_db(TARGET, np.zeros(2000)))


def test_unknown_speakers_do_not_count() -> None:
    logits = np.eye(4)
    assert speaker_accuracy(logits, np.array([0, 1, -100, 2])) == pytest.approx(2 / 3)
    assert np.isnan(speaker_accuracy(logits, np.full(4, -100)))
