import numpy as np
import pytest

from sonant.metrics.oracle import ideal_ratio_mask
from sonant.metrics.si_sdr import si_sdr, si_sdr_improvement

RATE_HZ = 8000


def tone(hz: float, samples: int = 8001) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(samples) / RATE_HZ).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 63, 64, 1000, 8001])
def test_alone_a_voice_comes_out_as_it_is(samples: int) -> None:
    target_N = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    given_N = ideal_ratio_mask(target_N, target_N, RATE_HZ)
    assert given_N.dtype == np.float32
    assert given_N == pytest.approx(target_N, abs=1e-6)


def test_without_a_target_nothing_is_left() -> None:
    assert not ideal_ratio_mask(tone(300), np.zeros(8001, np.float32), RATE_HZ).any()
    assert not ideal_ratio_mask(np.zeros(8001, np.float32), np.zeros(8001, np.float32), RATE_HZ).any()


def test_what_lies_apart_in_frequency_is_taken_apart() -> None:
    target_N, other_N = tone(300), tone(2000)
    assert si_sdr(ideal_ratio_mask(target_N + other_N, target_N, RATE_HZ), target_N) > 25


def test_what_lies_in_the_same_bins_is_not() -> None:
    """Two noises of equal power: a mask of magnitudes gains a few dB, and is not perfect."""
    first_N, second_N = np.random.default_rng(0).standard_normal((2, 16_000)).astype(np.float32)
    mix_N = first_N + second_N
    assert 3 < si_sdr_improvement(ideal_ratio_mask(mix_N, first_N, RATE_HZ), first_N, mix_N) < 12
