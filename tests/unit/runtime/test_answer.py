"""Windows of a recording and what their logits mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sonant.runtime.answer import classification, windows
from sonant.runtime.info import BundleInfo
from sonant.runtime.scores import softmax

Describe = Callable[..., BundleInfo]


def test_a_short_recording_stands_in_the_middle(describe: Describe) -> None:
    wav_WN = windows(describe(), np.ones(9001, np.float32))
    assert wav_WN.shape == (1, 16000)
    sound = np.flatnonzero(wav_WN[0])
    assert (sound[0], sound[-1]) == (3499, 3499 + 9000)


@pytest.mark.parametrize("samples", [1, 15999, 16000, 16001, 24000, 24001, 50000])
def test_windows_cover_every_sample(describe: Describe, samples: int) -> None:
    wav_N = np.arange(1, samples + 1, dtype=np.float32)
    wav_WN = windows(describe(), wav_N)
    assert wav_WN.shape[1] == 16000
    assert set(wav_WN[wav_WN > 0].tolist()) == set(wav_N.tolist())
    assert len(wav_WN) == 1 + max(0, -(-(samples - 16000) // 8000))
    if samples > 16000:
        assert wav_WN[-1, -1] == samples


def test_an_answer_orders_labels_and_averages_windows(describe: Describe) -> None:
    info = describe(background=())
    single = classification(info, np.log(np.array([0.2, 0.1, 0.7], np.float32)), 1.0)
    assert single["label"] == "yes"
    assert single["model"] == info.id
    assert [score["label"] for score in single["scores"]] == ["yes", "_silence_", "no"]
    assert single["score"] == pytest.approx(0.7)
    both = classification(info, np.log(np.array([[0.2, 0.1, 0.7], [0.1, 0.8, 0.1]], np.float32)), 1.5, top_k=2)
    assert [(score["label"], pytest.approx(score["score"], abs=1e-6)) for score in both["scores"]] == [
        ("no", 0.45),
        ("yes", 0.4),
    ]
    assert both["duration_s"] == 1.5


def test_one_word_in_a_long_recording_is_not_outvoted(describe: Describe) -> None:
    silent, word, doubtful = [0.9, 0.05, 0.05], [0.1, 0.2, 0.7], [0.5, 0.4, 0.1]
    logits_WK = np.log(np.array([silent, silent, word, doubtful, silent], np.float32))
    found = classification(describe(), logits_WK, 3.0)
    assert (found["label"], found["score"]) == ("yes", pytest.approx(0.7))
    assert classification(describe(background=()), logits_WK, 3.0)["label"] == "_silence_"


def test_a_temperature_flattens_each_window_before_they_are_averaged(describe: Describe) -> None:
    logits_WK = np.array([[4.0, 0.0, 0.0], [0.0, 2.0, 0.0]], np.float32)
    plain, flat = (classification(describe(temperature=each, background=()), logits_WK, 1.5) for each in (1.0, 2.0))
    assert flat["label"] == plain["label"] == "_silence_"
    wanted = (softmax(logits_WK[:1] / 2)[0] + softmax(logits_WK[1:] / 2)[0]) / 2
    assert [score["score"] for score in flat["scores"]] == pytest.approx(sorted(wanted, reverse=True), abs=1e-6)
    assert flat["score"] < plain["score"]


def test_an_answer_follows_the_link_of_the_bundle(describe: Describe) -> None:
    logits = np.array([0.2, -1.0, 0.9], np.float32)
    each = classification(describe(link={"kind": "sigmoid"}), logits, 1.0)
    wanted = {"yes": 0.9, "_silence_": 0.2, "no": -1.0}
    assert [(score["label"], pytest.approx(score["score"])) for score in each["scores"]] == [
        (label, 1 / (1 + np.exp(-logit))) for label, logit in wanted.items()
    ]
    sharp = classification(describe(link={"scale": 30.0}), logits, 1.0)
    assert sharp["score"] > 0.99 > classification(describe(), logits, 1.0)["score"]
