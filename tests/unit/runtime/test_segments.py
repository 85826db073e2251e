"""Probabilities of frames to segments: 10 ms frames, one label unless told."""

from typing import Any

import numpy as np
import pytest

from sonant.config.task import Postprocess
from sonant.runtime.segments import Track, segments

NOTHING = {"smooth_ms": 0, "hang_ms": 0, "min_speech_ms": 0, "min_silence_ms": 0, "refractory_ms": 0}


def rule(**settings: Any) -> Postprocess:
    return Postprocess.model_validate(NOTHING | {"on": 0.6, "off": 0.4} | settings)


def found(probability: list[float] | np.ndarray, **settings: Any) -> list[tuple[float, float]]:
    frames_T1 = np.asarray(probability, np.float32)[:, None]
    return [(event.t_start, event.t_end) for event in segments(frames_T1, [rule(**settings)], ["x"], 0.01)]


def spans(*pairs: tuple[float, float]) -> Any:
    return [pytest.approx(pair) for pair in pairs]


def test_hysteresis_holds_between_the_thresholds() -> None:
    assert found([0, 0.5, 0.7, 0.5, 0.45, 0.3, 0.5, 0]) == spans((0.02, 0.05))


def test_what_fell_must_rise_to_the_upper_threshold_again() -> None:
    assert found([1, 0.3, 0.5, 0.5, 0.5, 0], min_silence_ms=30) == spans((0.0, 0.01))
    assert found([1, 0.3, 0.6, 0.5, 0.5, 0, 0, 0], min_silence_ms=30) == spans((0.0, 0.05))


def test_a_segment_lasts_to_the_end_of_the_recording() -> None:
    assert found([0, 1, 1]) == spans((0.01, 0.03))
    assert found([1, 1, 0], hang_ms=100) == spans((0.0, 0.03))


def test_gaps_are_bridged_up_to_the_shortest_silence() -> None:
    gap = [1, 1, 0, 0, 1, 0, 0, 0, 0, 0]
    assert found(gap, min_silence_ms=20) == spans((0.0, 0.02), (0.04, 0.05))
    assert found(gap, min_silence_ms=30) == spans((0.0, 0.05))


def test_hang_over_goes_on_and_bridges() -> None:
    assert found([1, 0, 0, 0, 0, 0], hang_ms=20) == spans((0.0, 0.03))
    assert found([1, 0, 1, 0, 0, 0], hang_ms=20) == spans((0.0, 0.05))


def test_short_ones_are_dropped_and_hang_over_does_not_help_them() -> None:
    assert found([1, 1, 0, 0, 1, 1, 1, 0], min_speech_ms=30) == spans((0.04, 0.07))
    assert found([1, 1, 0, 0, 0, 0], min_speech_ms=30, hang_ms=30) == []


def test_smoothing_delays_nothing() -> None:
    wave = np.zeros(100)
    wave[30:60] = 1
    ((start, end),) = found(wave, smooth_ms=90, on=0.5, off=0.5)
    assert (start, end) == (pytest.approx(0.30, abs=0.011), pytest.approx(0.60, abs=0.011))
    wave[80] = 1
    assert len(found(wave, smooth_ms=90)) == 1


def test_nothing_is_heard_in_the_quiet_time() -> None:
    wave = [1, 0, 1, 0, 0, 0, 1, 0]
    assert len(found(wave)) == 3
    assert found(wave, refractory_ms=40) == spans((0.0, 0.01), (0.06, 0.07))


def test_the_score_is_the_mean_while_it_is_on() -> None:
    (event,) = segments(np.array([[0.0], [0.9], [0.7], [0.0]], np.float32), [rule()], ["x"], 0.01)
    assert event.score == pytest.approx(0.8)


def test_labels_do_not_exclude_each_other() -> None:
    frames = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], np.float32)
    told = segments(frames, [rule(), rule()], ["a", "b"], 0.01)
    assert [(event.label, round(event.t_start, 3), round(event.t_end, 3)) for event in told] == [
        ("a", 0.0, 0.02),
        ("b", 0.01, 0.03),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_chunks_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    wave = np.repeat(rng.random(60), rng.integers(1, 9, 60))
    settings = {"smooth_ms": 40, "hang_ms": 30, "min_speech_ms": 30, "min_silence_ms": 50, "refractory_ms": 60}
    whole = found(wave, **settings)
    track = Track(rule(**settings), "x", 0.01)
    cuts = np.sort(rng.choice(len(wave), 20, replace=False))
    events = [event for part in np.split(wave, cuts) for event in track.push(part)] + track.flush()
    assert [(event.t_start, event.t_end) for event in events] == whole
    assert whole


def test_a_segment_is_told_when_its_silence_has_lasted() -> None:
    track = Track(rule(min_silence_ms=30), "x", 0.01, delay_s=0.005)
    assert [len(track.push(np.array([value]))) for value in (1.0, 1.0, 0.0, 0.0, 0.0, 0.0)] == [0, 0, 0, 0, 1, 0]
    track.push(np.ones(3))
    (event,) = track.flush()
    assert (event.t_start, event.t_end) == (pytest.approx(0.055), pytest.approx(0.085))


def test_off_above_on_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be above"):
        rule(off=0.7)
