"""What two answers, two sessions and two sounds differ by, and when a candidate is ready."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sonant.config.rollout import Rule
from sonant.edge.compare import Alike, Comparison, of_answers, of_events, overlap, report


def answer(label: str, **scores: float) -> dict[str, Any]:
    return {"label": label, "scores": [{"label": name, "score": score} for name, score in scores.items()]}


def heard(label: str, start_s: float, end_s: float) -> dict[str, Any]:
    return {"label": label, "t_start": start_s, "t_end": end_s, "score": 1.0}


def test_labels_agree_or_not_and_probabilities_differ() -> None:
    given, tried = answer("yes", yes=0.9, no=0.1), answer("no", no=0.6, yes=0.4)
    assert of_answers(given, given) == {"agreement": 1.0, "probability": 0.0}
    assert of_answers(given, tried) == {"agreement": 0.0, "probability": pytest.approx(0.5)}
    assert of_answers(given, answer("yes", other=1.0)) == {"agreement": 1.0}
    feeling = {"emotion": "happy", "probabilities": {"happy": 0.8, "sad": 0.2}}
    other = {"emotion": "happy", "probabilities": {"happy": 0.7, "sad": 0.3}}
    assert of_answers(feeling, other) == {"agreement": 1.0, "probability": pytest.approx(0.1)}


def test_segments_overlap_label_by_label() -> None:
    assert overlap([], []) == 1.0
    assert overlap([heard("a", 0, 2)], [heard("a", 1, 3)]) == pytest.approx(1 / 3)
    assert overlap([heard("a", 0, 2)], [heard("b", 0, 2)]) == 0.0


def test_events_of_sessions_are_matched_once() -> None:
    given = [heard("a", 1.0, 1.5), heard("b", 2.0, 2.5)]
    assert of_events([], []) == {"agreement": 1.0}
    assert of_events(given, given) == {"agreement": 1.0}
    assert of_events(given, [heard("a", 1.2, 1.6)]) == {"agreement": pytest.approx(2 / 3)}
    assert of_events(given[:1], [heard("a", 1.0, 1.5), heard("a", 1.1, 1.5)]) == {"agreement": pytest.approx(2 / 3)}


def test_sounds_piece_by_piece_are_the_sounds_as_a_whole() -> None:
    rng = np.random.default_rng(0)
    given_N = rng.standard_normal(10_000)
    noise_N = rng.standard_normal(10_000)
    noise_N -= given_N * (noise_N @ given_N) / (given_N @ given_N)
    noise_N *= 0.1 * np.linalg.norm(given_N) / np.linalg.norm(noise_N)
    alike = Alike()
    for at in range(0, 10_000, 777):
        alike.add(given_N[at : at + 777], 0.5 * (given_N + noise_N)[at : at + 777])
    told = alike.measures()
    assert told["si_sdr_db"] == pytest.approx(20.0, abs=1e-6)  # a tenth of noise, whatever the level
    assert told["level_db"] == pytest.approx(20 * np.log10(0.5) + 10 * np.log10(1.01), abs=1e-6)


def test_the_same_sound_and_silence_have_measures_that_are_numbers() -> None:
    same, silent = Alike(), Alike()
    same.add(np.ones(10), np.ones(10))
    silent.add(np.zeros(10), np.ones(10))
    assert same.measures() == {"level_db": 0.0, "si_sdr_db": 120.0}
    assert silent.measures() == {}


def test_replicas_are_told_as_one_and_what_is_lacking_is_said() -> None:
    replicas = [Comparison(), Comparison()]
    for number in range(1000):
        replicas[number % 2].add({"agreement": float(number % 10 > 0), "champion_s": 0.01, "candidate_s": 0.05})
    replicas[0].count("failed")
    replicas[1].count("dropped")
    told = report([one.wire() for one in replicas], Rule())
    assert (told["compared"], told["failed"], told["dropped"], told["skipped"]) == (1000, 1, 1, 0)
    assert told["measures"]["agreement"]["mean"] == pytest.approx(0.9)
    assert told["measures"]["candidate_s"]["p95"] == pytest.approx(0.05)
    assert not told["ready"]
    assert [reason.split(" ")[1] for reason in told["lacks"]] == ["failed", "agrees", "takes"]
    lenient = Rule(agreement=0.8, failed=0.01, slower=10)
    assert report([one.wire() for one in replicas], lenient)["ready"]
    assert report([], lenient)["lacks"] == ["0 answers were compared, at least 100 are asked for"]
    assert "dB" in report([replicas[0].wire(), _loud()], Rule(failed=1, agreement=0, slower=99))["lacks"][0]


def _loud() -> dict[str, Any]:
    one = Comparison()
    one.add({"level_db": 6.0})
    return one.wire()
