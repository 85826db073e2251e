import numpy as np
import pytest

from sonant.data.trim import sounding

RATE_HZ = 16_000


def clip(level: float, floor: float) -> np.ndarray:
    """A second of noise at `floor`, with a tone at `level` from 0.4 to 0.6 s."""
    rng = np.random.default_rng(0)
    wav_N = floor * rng.standard_normal(RATE_HZ)
    wav_N[6400:9600] += level * np.sin(2 * np.pi * 440 * np.arange(3200) / RATE_HZ)
    return wav_N.astype(np.int16)


@pytest.mark.parametrize("level", [10_000, 300])
def test_what_is_cut_depends_on_the_loudest_moment_alone(level: float) -> None:
    first, last = sounding(clip(level, level / 1000), RATE_HZ, 40)
    assert (first, last) == (6400 - 800, 9600 + 800)


def test_noise_within_the_range_is_kept() -> None:
    assert sounding(clip(10_000, 1000), RATE_HZ, 40) == (0, RATE_HZ)


def test_a_short_last_frame_counts_by_its_mean() -> None:
    pcm_N = np.zeros(4810, np.int16)
    pcm_N[1600:1760] = 1000
    pcm_N[4800:] = 20
    assert sounding(pcm_N, RATE_HZ, 40) == (800, 4810)
    assert sounding(pcm_N, RATE_HZ, 30) == (800, 1760 + 800)


@pytest.mark.parametrize("size", [1, 159, RATE_HZ])
def test_silence_and_the_shortest_clips_are_kept_whole(size: int) -> None:
    assert sounding(np.zeros(size, np.int16), RATE_HZ, 40) == (0, size)
    assert sounding(np.full(size, 7, np.int16), RATE_HZ, 40) == (0, size)
