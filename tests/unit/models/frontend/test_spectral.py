"""The shape of known spectra."""

import math

import pytest
import torch
from torch import Tensor

from models.frontend.spectral import Shape, octaves
from models.frontend.stft import CentredSpectrum

RATE, FFT = 16000, 512
BIN = RATE / FFT


def shape(wav_BN: Tensor) -> Tensor:
    """[B, N] -> [10, T] of the first clip."""
    return Shape(RATE, FFT)(CentredSpectrum(480, 160, FFT)(wav_BN))[0]


def tone(hz: float) -> Tensor:
    return 0.3 * torch.sin(2 * math.pi * hz * torch.arange(RATE) / RATE)[None]


def noise() -> Tensor:
    return 0.1 * torch.randn(1, RATE, generator=torch.Generator().manual_seed(0))


def test_flat_spectrum_by_hand() -> None:
    rows = Shape(RATE, FFT)(torch.full((1, FFT // 2 + 1, 3), 7.0))[0, :, 0]
    assert rows[0] == pytest.approx(octaves(torch.tensor(RATE / 4)).item(), abs=1e-4)
    assert rows[1:9].tolist() == pytest.approx([0.0] * 8, abs=1e-5)
    edge = (0.85 * (FFT / 2 + 1) - 0.5) * BIN
    assert rows[9] == pytest.approx(octaves(torch.tensor(edge)).item(), abs=1e-4)


def test_one_band_has_contrast() -> None:
    """A tenth of the bins of 1 to 2 kHz are 100 times stronger: half of the peaks."""
    power = torch.ones(1, FFT // 2 + 1, 1)
    power[:, 40:43] = 100.0
    rows = Shape(RATE, FFT)(power)[0, :, 0]
    peaks = round(0.2 * 32)
    assert rows[5] == pytest.approx(math.log10((3 * 100 + peaks - 3) / peaks), abs=1e-4)
    assert rows[[1, 2, 3, 4, 6, 7]].abs().max() < 1e-5


@pytest.mark.parametrize("hz", [300.0, 1000.0, 3000.0])
def test_tone(hz: float) -> None:
    rows = shape(tone(hz))[:, 20:80]
    assert (rows[0] - octaves(torch.tensor(hz))).abs().max() < 0.08
    assert (rows[9] - octaves(torch.tensor(hz + BIN))).abs().max() < 0.03
    assert rows[8].max() < -4
    band = 2 + int(math.log2(hz / 125))
    assert rows[band].min() > 3
    assert (rows[band] > torch.cat([rows[1:band], rows[band + 1 : 8]])).all()


def test_noise_is_flat_and_a_tone_in_it_is_not() -> None:
    quiet, loud = shape(noise()), shape(noise() + tone(1000))
    # The mean of the logarithm of noise power is 0.25 below the logarithm of its mean (Euler's constant / ln 10).
    assert quiet[8].mean() == pytest.approx(-0.5772 / math.log(10), abs=0.02)
    assert loud[8].mean() < quiet[8].mean() - 0.5
    assert 2.0 ** quiet[9].mean() == pytest.approx(0.85 * 8 + 0.05, rel=0.02)


def test_roll_off_has_no_steps() -> None:
    power = torch.rand(1, FFT // 2 + 1, 1, generator=torch.Generator().manual_seed(1)) + 0.1
    moved = [power.clone() for _ in range(50)]
    for step, one in enumerate(moved):
        one[:, 200] = (0.5 + 1.5 * step) ** 2
    values = torch.cat([Shape(RATE, FFT)(one)[0, 9] for one in moved])
    assert values[-1] < values[0] - 0.05
    assert values.diff().abs().max() < 0.004  # half a bin


def test_silence_is_white() -> None:
    rows = shape(torch.zeros(1, RATE))
    assert rows[1:9].abs().max() < 1e-5
    assert rows.isfinite().all()
