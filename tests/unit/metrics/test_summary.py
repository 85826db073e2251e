import numpy as np
import pytest

from sonant.metrics.summary import compare, summarise

RANDOM = np.random.default_rng(0)


def test_means_intervals_and_what_is_missing() -> None:
    values = RANDOM.normal(10, 3, 200)
    figures = [{"a": float(value), "b": None} for value in values] + [{"a": None}, {"c": 1.0}]
    summary = summarise(figures)
    mean, low, high, items, missing = summary["a"]
    assert (mean, items, missing) == (pytest.approx(values.mean()), 200, 1)
    # The normal interval of a mean, about.
    assert (low, high) == pytest.approx((mean - 1.96 * 3 / 200**0.5, mean + 1.96 * 3 / 200**0.5), abs=0.1)
    assert (summary["b"].items, summary["b"].missing) == (0, 200)
    assert np.isnan(summary["b"].mean)
    assert summary["c"] == (1.0, 1.0, 1.0, 1, 0)


def test_items_of_a_speaker_are_drawn_together() -> None:
    figures = [{"a": float(speaker)} for speaker in range(5) for _ in range(40)]
    speakers = [speaker for speaker in range(5) for _ in range(40)]
    alone, together = summarise(figures)["a"], summarise(figures, speakers)["a"]
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_pairs_are_surer_than_their_parts() -> None:
    hardness = RANDOM.normal(0, 10, 100)
    ours, theirs = hardness + RANDOM.normal(1, 0.5, 100), hardness + RANDOM.normal(0, 0.5, 100)
    mean, low, high, items, missing = compare(ours, theirs)
    assert mean == pytest.approx((ours - theirs).mean())
    assert 0.5 < low < mean < high < 1.5
    assert (items, missing) == (100, 0)
    assert compare(theirs, ours).high < 0
    ours[3] = np.nan
    assert compare(ours, theirs, groups=list(range(100)))[3:] == (99, 1)
    assert np.isnan(compare([], []).mean)
