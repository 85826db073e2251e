"""Zero crossings and loudness of known sounds."""

import math

import pytest
import torch

from models.frontend.beside import Centred
from models.frontend.level import Level

TIME = torch.arange(16000) / 16000


def level(wav_N: torch.Tensor) -> torch.Tensor:
    return Centred(Level(16000, 160, 480), 480)(wav_N[None])[0, :, 3:-3]


@pytest.mark.parametrize("hz", [200.0, 1000.0, 5000.0])
def test_a_tone_crosses_zero_at_its_frequency(hz: float) -> None:
    assert 1000 * 2.0 ** level(torch.sin(2 * math.pi * hz * TIME + 0.1))[0].mean() - 50 == pytest.approx(hz, rel=0.02)


@pytest.mark.parametrize("gain", [1.0, 0.01])
def test_level_is_log_amplitude(gain: float) -> None:
    rows = level(gain * torch.sin(2 * math.pi * 400 * TIME))
    assert rows[1].mean() == pytest.approx(math.log10(gain / math.sqrt(2)), abs=1e-3)


def test_silence_is_the_lowest() -> None:
    rows = level(torch.zeros(16000))
    assert rows[0].tolist() == pytest.approx([math.log2(0.05)] * rows.shape[1])
    assert rows[1].tolist() == pytest.approx([-5.0] * rows.shape[1])
