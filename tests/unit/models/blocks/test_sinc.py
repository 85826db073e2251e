import math

import pytest
import torch
from torch import Tensor

from models.blocks.sinc import Downsample2, Upsample2


def tone(hz: float, rate_hz: float, samples: int) -> Tensor:
    return torch.sin(2 * math.pi * hz / rate_hz * torch.arange(samples, dtype=torch.float64)).float()[None]


@pytest.mark.parametrize("hz", [50.0, 440.0, 3300.0])
def test_tones_are_doubled_and_halved_to_what_they_are(hz: float) -> None:
    up, down = Upsample2(56), Downsample2(56, odd=False)
    double_BN = up(tone(hz, 8000, 1200))
    wanted_BN = tone(hz, 16_000, 2400)
    inner = slice(300, 2000)
    assert (double_BN[:, 112:][:, inner] - wanted_BN[:, :-112][:, inner]).abs().max() < 1e-4
    back_BN = down(wanted_BN)
    inner = slice(150, 1000)
    assert (back_BN[:, 55:][:, inner] - tone(hz, 8000, 1200)[:, :-55][:, inner]).abs().max() < 1e-4


def test_what_the_lower_rate_cannot_hold_is_taken_away() -> None:
    assert Downsample2(56, odd=False)(tone(5000, 16_000, 2400))[:, 150:1000].abs().max() < 1e-4


def test_odd_waits_one_sample_more() -> None:
    x_BN = torch.randn(2, 400)
    late_BN = torch.cat([torch.zeros(2, 1), x_BN[:, :-1]], 1)
    assert torch.equal(Downsample2(7, odd=True)(x_BN), Downsample2(7, odd=False)(late_BN))


@pytest.mark.parametrize("block", [Upsample2(5), Downsample2(5, odd=False), Downsample2(5, odd=True)])
def test_stream_equals_whole(block: Upsample2 | Downsample2) -> None:
    x_BN = torch.randn(2, 40)
    state, parts = block.init_state(2), []
    for part_BN in x_BN.split([2, 8, 30], 1):
        y_BN, state = block.step(part_BN, state)
        parts.append(y_BN)
    torch.testing.assert_close(torch.cat(parts, 1), block(x_BN), rtol=0, atol=1e-6)
