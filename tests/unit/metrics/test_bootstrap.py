import numpy as np
import pytest

from sonant.metrics.bootstrap import interval


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    hits = 0
    for seed in range(200):
        sample = random.normal(3.0, 2.0, size=60)
        low, high = interval(lambda at, x=sample: float(x[at].mean()), 60, draws=200, confidence=0.9, seed=seed)
        hits += low <= 3.0 <= high
    assert 0.83 <= hits / 200 <= 0.96


def test_a_mean_gets_the_normal_interval() -> None:
    right = np.repeat([1.0, 0.0], [90, 10])
    low, high = interval(lambda at: float(right[at].mean()), 100, draws=4000)
    assert (low, high) == (pytest.approx(0.9 - 1.96 * 0.03, abs=0.012), pytest.approx(0.9 + 1.96 * 0.03, abs=0.012))


def test_clips_that_are_alike_make_it_wider() -> None:
    right = np.repeat([1.0, 0.0, 1.0, 1.0], 25)
    speakers = np.repeat(["a", "b", "c", "d"], 25).tolist()
    alone = interval(lambda at: float(right[at].mean()), 100)
    grouped = interval(lambda at: float(right[at].mean()), 100, groups_N=speakers)
    assert grouped[1] - grouped[0] > 2 * (alone[1] - alone[0])


def test_the_seed_decides() -> None:
    values = np.arange(10.0)
    first, again, other = (interval(lambda at: float(values[at].mean()), 10, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
