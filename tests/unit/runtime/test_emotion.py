"""Emotions of a recording and along it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from sonant.runtime.answer import classification, windows
from sonant.runtime.emotion import emotion
from sonant.runtime.info import BundleInfo

Describe = Callable[..., BundleInfo]


def logits(*labels: int) -> np.ndarray:
    """A window each that hears one of three labels at 0.8."""
    p_WK = np.full((len(labels), 3), 0.1)
    p_WK[np.arange(len(labels)), labels] = 0.8
    return np.log(p_WK).astype(np.float32)


@pytest.fixture
def info(describe: Describe) -> BundleInfo:
    return describe(labels=("angry", "happy", "sad"))


def test_the_answer_is_that_of_a_classification_in_another_form(info: BundleInfo) -> None:
    found = emotion(info, logits(0, 2, 2), 2.0)
    assert set(found) == {"emotion", "probabilities"}
    other = classification(info, logits(0, 2, 2), 2.0)
    assert found["emotion"] == other["label"] == "sad"
    assert found["probabilities"] == pytest.approx({one["label"]: one["score"] for one in other["scores"]})
    assert list(found["probabilities"]) == ["angry", "happy", "sad"]


@pytest.mark.parametrize("seconds", [0.1, 1.0, 1.01, 1.2, 1.3, 1.74, 1.76, 2.0, 7.9])
def test_segments_follow_each_other_from_end_to_end(info: BundleInfo, seconds: float) -> None:
    count = len(windows(info, np.zeros(round(seconds * 16_000), np.float32)))
    timeline = emotion(info, logits(*[1] * count), seconds, timeline=True).get("timeline", [])
    assert timeline[0]["t_start"] == 0.0
    assert timeline[-1]["t_end"] == seconds
    for one, after in pairwise(timeline):
        assert one["t_end"] == after["t_start"]
    if seconds <= 1.0:
        assert len(timeline) == 1
    else:
        assert all(one["t_end"] - one["t_start"] == pytest.approx(0.5) for one in timeline[:-1])
        assert 0.2499 < timeline[-1]["t_end"] - timeline[-1]["t_start"] < 0.7501
    for one in timeline:
        assert one["emotion"] == "happy"
        assert one["probabilities"] == pytest.approx({"angry": 0.1, "happy": 0.8, "sad": 0.1})


def test_a_change_is_told_where_it_happens(info: BundleInfo) -> None:
    # Windows of 1 s begin at 0, 0.5, ..., 2.5: the first three hear one thing, the others another.
    timeline = emotion(info, logits(0, 0, 0, 1, 1, 1), 3.5, timeline=True).get("timeline", [])
    named = [one["emotion"] for one in timeline]
    assert (named[:3], named[4:]) == (["angry"] * 3, ["happy"] * 3)
    # From 1.5 to 2 s the last of the first and the first of the others hear equally much.
    assert timeline[3]["probabilities"] == pytest.approx({"angry": 0.45, "happy": 0.45, "sad": 0.1})
    assert timeline[2]["probabilities"] == pytest.approx({"angry": 0.8, "happy": 0.1, "sad": 0.1})


def test_a_temperature_counts_here_too(describe: Describe) -> None:
    told = [emotion(describe(temperature=t), logits(2), 1.0)["probabilities"]["yes"] for t in (0.5, 1.0, 2.0)]
    assert told[1] == pytest.approx(0.8)
    assert told[0] > told[1] > told[2]
