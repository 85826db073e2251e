"""What comes out of a lossy codec is like what went in, as long, and in step with it."""

import numpy as np
import pytest

from sonant.audio.lossy import LOSSY, through


def sweep(samples: int) -> np.ndarray:
    """A tone that glides from 300 to 3000 Hz."""
    time_N = np.arange(samples) / 16_000
    return (0.4 * np.sin(2 * np.pi * (300 * time_N + 1350 * time_N**2 / max(time_N[-1], 1e-3)))).astype(np.float32)


@pytest.mark.parametrize("name", LOSSY)
@pytest.mark.parametrize("samples", [16_000, 16_001, 700])
def test_in_step(name: str, samples: int) -> None:
    wav_N = sweep(samples)
    out_N = through(wav_N, name)
    assert (out_N.shape, out_N.dtype) == (wav_N.shape, np.float32)
    inner = slice(100, -100)
    errors = [float(np.mean((np.roll(out_N, lag)[inner] - wav_N[inner]) ** 2)) for lag in range(-5, 6)]
    assert int(np.argmin(errors)) == 5
    # It loses something, but not much.
    ratio_db = 10 * np.log10(np.mean(wav_N[inner] ** 2) / errors[5])
    assert 8 < ratio_db < 70
    assert np.array_equal(out_N, through(wav_N, name))


@pytest.mark.parametrize("name", LOSSY)
def test_silence_and_full_scale(name: str) -> None:
    assert np.abs(through(np.zeros(4000, np.float32), name)).max() < 1e-3
    assert np.abs(through(np.sign(sweep(4000)), name)).max() <= 1
