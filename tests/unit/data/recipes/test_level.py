import numpy as np
import pytest

from sonant.data.recipes.level import PEAK, gain, level_dbfs, power, turned_down

WAV_N = np.array([0.1, -0.1, 0.1, -0.1], np.float32)


def test_levels_are_rms() -> None:
    assert power(WAV_N) == pytest.approx(0.01)
    assert level_dbfs(WAV_N) == pytest.approx(-20, abs=1e-6)
    assert level_dbfs(WAV_N * gain(WAV_N, -33.0)) == pytest.approx(-33, abs=1e-6)


def test_silence_has_no_level_and_no_gain() -> None:
    for wav_N in (np.zeros(4, np.float32), np.zeros(0, np.float32)):
        assert (power(wav_N), level_dbfs(wav_N), gain(wav_N, 0.0)) == (0, -np.inf, 0)


def test_integers_do_not_overflow() -> None:
    assert power(np.full(10, -32768, np.int16)) == 32768.0**2


def test_only_what_is_too_loud_is_turned_down() -> None:
    assert turned_down(WAV_N) == 1
    assert np.abs(WAV_N * 20 * turned_down(WAV_N * 20)).max() == pytest.approx(PEAK, abs=1e-6)
