import math

import pytest
import torch

from sonant.data.augment.noise import BANK_SAMPLES, SLOPES, active_power, add_noise, segments

RATE_HZ = 16000


def word(level: float, share: float = 0.5, samples: int = 16000) -> torch.Tensor:
    """A tone in the middle of digital silence."""
    wav = torch.zeros(samples)
    count = int(share * samples)
    first = (samples - count) // 2
    wav[first : first + count] = level * math.sqrt(2) * torch.sin(2 * math.pi * 440 / RATE_HZ * torch.arange(count))
    return wav


def test_pauses_do_not_count_as_signal() -> None:
    power_B = active_power(torch.stack([word(0.1, 0.2), word(0.1, 0.8), word(0.2, 0.4)]), RATE_HZ)
    assert power_B.tolist() == pytest.approx([0.01, 0.01, 0.04], rel=0.05)


def test_the_ratio_is_exact_over_the_active_part() -> None:
    wav_BN = torch.stack([word(0.1), word(0.01), word(0.3)])
    noise_BN = torch.randn(3, 16000, generator=torch.manual_seed(0))
    snr_db_B = torch.tensor([0.0, 10.0, 30.0])
    added_BN = add_noise(wav_BN, noise_BN, snr_db_B, RATE_HZ) - wav_BN
    measured_B = 10 * torch.log10(active_power(wav_BN, RATE_HZ) / added_BN.square().mean(1))
    assert measured_B.tolist() == pytest.approx(snr_db_B.tolist(), abs=0.01)


def test_no_noise_where_there_is_none_to_add() -> None:
    wav_BN = torch.stack([word(0.1), torch.zeros(16000), word(0.1)])
    noise_BN = torch.stack([torch.ones(16000), torch.ones(16000), torch.zeros(16000)])
    out_BN = add_noise(wav_BN, noise_BN, torch.tensor([math.inf, 0.0, -50.0]), RATE_HZ)
    assert torch.equal(out_BN, wav_BN)


def test_the_bank_has_different_colours_at_one_level() -> None:
    colours = torch.arange(len(SLOPES))
    noise_BN = segments(colours, torch.full_like(colours, 12345), 16000)
    # Slow noise wanders within a second.
    assert noise_BN.square().mean(1).sqrt().tolist() == pytest.approx([1.0] * len(SLOPES), abs=0.4)
    high_B = noise_BN.diff(dim=1).square().mean(1)
    assert high_B.tolist() == sorted(high_B.tolist(), reverse=True)


def test_segments_begin_anywhere_and_go_round() -> None:
    zero = torch.zeros(2, dtype=torch.int64)
    last = torch.tensor([0, BANK_SAMPLES - 1])
    first_BN = segments(zero, last, 1000)
    assert torch.equal(first_BN[1, 1:], first_BN[0, :-1])
    long_BN = segments(zero[:1], last[:1], BANK_SAMPLES + 500)
    assert torch.equal(long_BN[0, -500:], long_BN[0, :500])
