import numpy as np
import pytest

from sonant.data.colour import coloured


@pytest.mark.parametrize("slope", [-0.5, 0.0, 1.0, 2.0])
def test_power_falls_as_the_slope_says(slope: float) -> None:
    noise_N = coloured(np.random.default_rng(0), 1 << 16, slope)
    assert noise_N.dtype == np.float32
    assert np.sqrt(np.mean(noise_N**2)) == pytest.approx(1, abs=1e-4)
    power_F = np.abs(np.fft.rfft(noise_N)) ** 2
    octaves = [power_F[1 << k : 2 << k].mean() for k in range(9, 15)]
    steps_db = np.diff(10 * np.log10(octaves))
    assert steps_db.mean() == pytest.approx(-3.01 * slope, abs=0.2)


def test_it_can_be_read_round_and_round() -> None:
    noise_N = coloured(np.random.default_rng(0), 4096, 2.0)
    steps = np.abs(np.diff(noise_N))
    assert abs(noise_N[0] - noise_N[-1]) < steps.max()
