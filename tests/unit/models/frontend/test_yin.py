"""Pitch of known sounds."""

import math

import pytest
import torch
from torch import Tensor

from models.frontend.beside import Centred
from models.frontend.yin import Yin

RATE, HOP, WINDOW = 16000, 160, 480
TIME = torch.arange(RATE) / RATE


def pitch(wav_BN: Tensor, rate_hz: int = RATE) -> Tensor:
    """Hz of each frame away from the ends, [B, T]; 50 where there is no pitch."""
    yin = Yin(rate_hz, HOP, WINDOW)
    return 50.0 * 2.0 ** Centred(yin, yin.length)(wav_BN)[:, 0, 5:-5]


def voice(hz: float) -> Tensor:
    """Harmonics, of which the lowest is missing."""
    return torch.stack([torch.sin(2 * math.pi * n * hz * TIME + n) / n for n in range(2, 12)]).sum(0)[None]


@pytest.mark.parametrize("hz", [50.5, 61.0, 100.0, 173.3, 440.0, 997.0])
@pytest.mark.parametrize("gain", [1.0, 1e-3])
def test_pure_tones(hz: float, gain: float) -> None:
    assert (pitch(0.3 * gain * torch.sin(2 * math.pi * hz * TIME)[None]) / hz - 1).abs().max() < 0.005


@pytest.mark.parametrize("hz", [55.0, 120.0, 230.0])
def test_a_pitch_is_heard_without_its_fundamental(hz: float) -> None:
    assert (pitch(voice(hz)) / hz - 1).abs().max() < 0.02


@pytest.mark.parametrize("rate_hz", [8000, 22050])
def test_other_rates(rate_hz: int) -> None:
    wav_BN = torch.sin(2 * math.pi * 200 * torch.arange(rate_hz) / rate_hz)[None]
    assert (pitch(wav_BN, rate_hz) / 200 - 1).abs().max() < 0.005


def test_noise_silence_and_constants_have_no_pitch() -> None:
    noise = torch.randn(1, RATE, generator=torch.Generator().manual_seed(0))
    none = pitch(torch.cat([noise, 0 * noise, 0 * noise + 1, 1e-5 * noise]))
    assert (none / 50 - 1).abs().max() < 0.05


def test_a_glide_is_followed() -> None:
    hz = 100 * 2**TIME
    heard = pitch(torch.sin(2 * math.pi * torch.cumsum(hz, 0) / RATE)[None])[0]
    wanted = hz[:: RATE // 100][5 : 5 + len(heard)]
    assert (heard / wanted - 1).abs().max() < 0.03


def test_differences_are_those_of_the_paper() -> None:
    yin = Yin(RATE, HOP, WINDOW)
    x = torch.randn(yin.length, generator=torch.Generator().manual_seed(1))
    longest = yin.lag.shape[0] - 1
    width = yin.length - longest
    d = torch.stack([(x[:width] - x[lag : lag + width]).square().sum() for lag in range(1, longest + 1)])
    by_hand = d * torch.arange(1, longest + 1) / d.cumsum(0)
    torch.testing.assert_close(yin.differences(x[None])[0, 1:, 0], by_hand, rtol=2e-3, atol=2e-3)
