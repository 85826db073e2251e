import math

import pytest
import torch

from sonant.data.augment.speed import change_speed


def tone(hz: float, samples: int = 16000) -> torch.Tensor:
    return torch.sin(2 * math.pi * hz * (torch.arange(samples) - (samples - 1) / 2) / 16000)


@pytest.mark.parametrize("speed", [0.8, 0.95, 1.1, 1.25])
def test_a_tone_becomes_higher_by_the_speed(speed: float) -> None:
    out_BN = change_speed(tone(500)[None], torch.tensor([speed]))
    inside = slice(2000, 14000)
    torch.testing.assert_close(out_BN[0, inside], tone(500 * speed)[inside], atol=0.01, rtol=0)


def test_each_item_has_its_own_speed() -> None:
    both = change_speed(torch.stack([tone(500), tone(500)]), torch.tensor([0.9, 1.1]))
    for row, speed in enumerate((0.9, 1.1)):
        torch.testing.assert_close(both[row], change_speed(tone(500)[None], torch.tensor([speed]))[0], atol=0, rtol=0)


def test_speed_one_changes_nothing() -> None:
    wav_BN = torch.randn(2, 999, generator=torch.manual_seed(0))
    torch.testing.assert_close(change_speed(wav_BN, torch.ones(2)), wav_BN, atol=1e-3, rtol=0)


def test_what_is_missing_at_the_ends_is_silence() -> None:
    out_N = change_speed(torch.ones(1, 1000), torch.tensor([1.25]))[0]
    assert out_N[:98].eq(0).all()
    assert out_N[-98:].eq(0).all()
    assert out_N[105:-105].allclose(torch.ones(1))
