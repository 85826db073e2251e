"""Thresholds chosen on validation recordings."""

import math

import numpy as np
import pytest

from sonant.config.task import DetectTask, Postprocess
from sonant.tasks.operating import at_threshold, choose, measured, segment_error

FRAME_S = 0.02


def recordings(count: int = 6, frames: int = 2000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits, targets and rows: stretches of speech, and one blip in each recording that looks a little like it."""
    rng = np.random.default_rng(0)
    target_RT = (np.arange(frames) // 100 % 2 == 1)[None].repeat(count, 0)
    logits_RT = np.where(target_RT, 2.0, -3.0) + rng.normal(0, 1, (count, frames))
    logits_RT[:, 40:60] = 1.5
    row_N = np.repeat(np.arange(count), frames)
    return logits_RT.reshape(-1, 1), target_RT.reshape(-1, 1).astype(np.int64), row_N


def test_balanced_misses_as_much_as_it_makes_up() -> None:
    points = choose(DetectTask(postprocess=bare()), *recordings(), FRAME_S)
    (point,) = points["balanced"]
    assert point.miss.value < 0.05
    assert abs(point.miss.value - point.false_alarm.value) < 0.03
    assert point.false_alarms_per_hour.value > 60
    assert point.hours == pytest.approx(6 * 2000 * FRAME_S / 3600, abs=1e-6)


def test_low_fa_makes_up_next_to_nothing() -> None:
    points = choose(DetectTask(postprocess=bare()), *recordings(), FRAME_S)
    (low,), (balanced,) = points["low_fa"], points["balanced"]
    assert low.false_alarms_per_hour.value <= 0.5
    assert low.postprocess.on > balanced.postprocess.on
    assert low.miss.value > balanced.miss.value
    for rate in (low.miss, low.false_alarm, low.false_alarms_per_hour, balanced.false_alarms_per_hour):
        assert rate.low <= rate.value <= rate.high


def test_one_recording_has_intervals_too() -> None:
    logits_N1, target_N1, row_N = recordings(1)
    probability_N1 = (1 / (1 + np.exp(-logits_N1))).astype(np.float32)
    point = measured(bare(), probability_N1, target_N1, row_N, FRAME_S)
    assert point.miss.low < point.miss.high


def test_rates_are_counted_on_segments() -> None:
    probability_N1 = np.array([1, 1, 0, 0, 1, 0, 0, 1], np.float32)[:, None]
    target_N1 = np.array([1, 1, 1, 1, 0, 0, 0, 0])[:, None]
    point = measured(bare(), probability_N1, target_N1, np.array([0, 0, 0, 0, 0, 1, 1, 1]), 1.0)
    assert (point.miss.value, point.false_alarm.value) == (0.5, 0.5)
    assert point.false_alarms_per_hour.value == pytest.approx(2 * 3600 / 8)
    row_N = np.zeros(8, np.int64)
    assert segment_error(probability_N1, target_N1, row_N, [bare()], 1.0) == 1.0
    assert segment_error(probability_N1, probability_N1.astype(np.int64), row_N, [bare()], 1.0) == 0.0
    assert math.isnan(segment_error(probability_N1, np.zeros_like(target_N1), row_N, [bare()], 1.0))


def test_hysteresis_keeps_its_width_in_log_odds() -> None:
    moved = at_threshold(Postprocess(on=0.5, off=0.25), 0.9)
    assert moved.on == 0.9
    assert moved.off == pytest.approx(0.75)  # odds of 9, a third of which is 3
    assert at_threshold(Postprocess(), 1.0).on < 1


def bare() -> Postprocess:
    return Postprocess(smooth_ms=0, hang_ms=0, min_speech_ms=0, min_silence_ms=0)
