import numpy as np
import pytest

from sonant.metrics.speech_frames import best_mean, windowed


def test_frames_of_30_ms_every_7_5_ms() -> None:
    wave = np.arange(1600.0)
    frames = windowed(wave, 16_000)
    assert frames.shape == (1 + (1600 - 480) // 120, 480)
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(1, 481) / 481))
    assert np.allclose(frames[3], wave[360:840] * window)
    assert windowed(wave[:479], 16_000).shape == (0, 480)


def test_the_worst_twentieth_is_left_out() -> None:
    assert best_mean(np.array([1e9] + [1.0] * 19)) == 1.0
    assert best_mean(np.array([7.0])) == 7.0
    assert np.isnan(best_mean(np.zeros(0)))
    assert best_mean(np.arange(100.0)) == pytest.approx(47)
