"""All figures of an item: those that apply, as numbers that JSON can hold, and none that was not measured."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sonant.metrics import item as module
from sonant.metrics.item import FAST, METRICS, Heard, score_item
from sonant.metrics.si_sdr import si_sdr

SPEECH_EXTRA = {"stoi", "estoi", "pesq", "segmental_snr", "llr", "wss", "csig", "cbak", "covl"}


@pytest.fixture
def heard(speech) -> Heard:
    target, other = speech(2.0, seed=1), speech(2.0, seed=2)
    return Heard(target + 0.1 * other, target, target + other, other[None], 16_000)


def test_the_fast_ones(heard: Heard) -> None:
    figures = score_item(heard)
    assert set(figures) == {"si_sdr", "si_sdr_mixture", "si_sdri", "snr", "confused"}
    assert figures["si_sdr"] == pytest.approx(si_sdr(heard.estimate_N, heard.target_N))
    assert figures["si_sdri"] == pytest.approx(figures["si_sdr"] - figures["si_sdr_mixture"])
    assert figures["si_sdri"] == pytest.approx(20, abs=1)
    assert figures["confused"] == 0


def test_the_wrong_voice(heard: Heard) -> None:
    wrong = replace(heard, estimate_N=heard.others_KN[0])
    assert score_item(wrong)["confused"] == 1


def test_an_absent_speaker(heard: Heard) -> None:
    absent = replace(heard, target_N=0 * heard.target_N, present=False, estimate_N=0.05 * heard.mix_N)
    assert score_item(absent, METRICS) == {"absent_db": pytest.approx(26.02, abs=0.01), "absent_silent": 1.0}
    assert score_item(replace(absent, estimate_N=heard.mix_N), FAST)["absent_silent"] == 0


def test_nobody_to_be_confused_with(heard: Heard) -> None:
    alone = replace(heard, others_KN=np.zeros((0, 32_000)))
    assert "confused" not in score_item(alone)


def test_all_of_them_are_numbers_for_json(heard: Heard) -> None:
    for package in ("pesq", "pystoi"):
        pytest.importorskip(package, reason="needs the extra speech")
    figures = score_item(heard, METRICS)
    assert set(figures) == set(module.WITH_TARGET)
    assert all(isinstance(value, float) for value in figures.values())
    assert 0.8 < figures["stoi"] <= 1
    assert json.loads(json.dumps(figures)) == figures


def test_what_cannot_be_measured_is_none_and_never_0(heard: Heard) -> None:
    for package in ("pesq", "pystoi"):
        pytest.importorskip(package, reason="needs the extra speech")
    short = Heard(
        *(wave[..., 8000:8300] for wave in (heard.estimate_N, heard.target_N, heard.mix_N, heard.others_KN)), 16_000
    )
    figures = score_item(short, METRICS)
    assert {name for name, value in figures.items() if value is None} == SPEECH_EXTRA


def test_names_are_checked(heard: Heard) -> None:
    with pytest.raises(AssertionError):
        score_item(heard, ("sisdr",))
