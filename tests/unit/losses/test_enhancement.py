"""The sum that enhancement networks make small."""

import pytest
import torch

from sonant.losses.absent import absent_energy
from sonant.losses.compressed import compressed
from sonant.losses.enhancement import Weights, enhancement
from sonant.losses.l1 import l1
from sonant.losses.si_sdr import si_sdr
from sonant.losses.snr import snr
from sonant.losses.stft import multi_stft

torch.manual_seed(0)
B, N = 4, 4000
CLEAN = torch.randn(B, N)
CLEAN[3] = 0
NOISY = CLEAN + 0.5 * torch.randn(B, N)
OUTPUT = CLEAN + 0.1 * torch.randn(B, N)
SAMPLES = torch.tensor([4000, 4000, 2000, 3000])
EACH = Weights(1, 1, 1, 1, 1, 1)


def test_each_distance_counts_as_much_as_its_weight() -> None:
    """Speech at a level of 1 on its noisy side: nothing is rescaled."""
    samples = SAMPLES[:3]
    rms = (NOISY[:3] * (torch.arange(N) < samples[:, None])).square().sum(1).div(samples).sqrt()[:, None]
    output, clean, noisy = (wave[:3] / rms for wave in (OUTPUT, CLEAN, NOISY))
    parts = {
        "l1": l1(output, clean, samples),
        "si_sdr": -si_sdr(output, clean, samples, ceiling_db=30),
        "snr": -snr(output, clean, samples),
        "stft": multi_stft(output, clean, samples),
        "compressed": compressed(output, clean, samples),
    }
    for name, part in parts.items():
        weights = Weights(**{**dict.fromkeys(parts, 0), name: 2.5})
        given = enhancement(output, clean, noisy, samples, weights=weights)
        assert given.item() == pytest.approx(2.5 * part.mean().item(), rel=1e-4), name


def test_items_without_speech_are_judged_by_what_is_left() -> None:
    one = [wave[3:] for wave in (OUTPUT, CLEAN, NOISY, SAMPLES)]
    only = Weights(l1=0, si_sdr=7, snr=7, stft=7, absent=0.5)
    left = absent_energy(one[0], one[2], one[3])
    assert enhancement(*one, weights=only).item() == pytest.approx(0.5 * left.item(), rel=1e-4)
    softer = enhancement(0.1 * one[0], *one[1:], weights=EACH)
    assert softer < enhancement(*one, weights=EACH) - 10


@pytest.mark.parametrize("weights", [Weights(), Weights(l1=0, compressed=1), Weights(si_sdr=0.1), EACH])
def test_inverted_polarity_is_penalised(weights: Weights) -> None:
    upright, inverted = (enhancement(sign * OUTPUT, CLEAN, NOISY, SAMPLES, weights=weights) for sign in (1, -1))
    assert inverted > upright + 0.3


def test_the_level_of_an_item_changes_nothing() -> None:
    whole = enhancement(OUTPUT, CLEAN, NOISY, SAMPLES, weights=EACH)
    soft = enhancement(0.01 * OUTPUT, 0.01 * CLEAN, 0.01 * NOISY, SAMPLES, weights=EACH)
    assert soft.item() == pytest.approx(whole.item(), rel=1e-3)


def test_padding_changes_nothing() -> None:
    wave = torch.where(torch.arange(N) < SAMPLES[:, None], OUTPUT, 9.0)
    padded = enhancement(wave, CLEAN * (torch.arange(N) < SAMPLES[:, None]), NOISY, SAMPLES, weights=EACH)
    assert padded.item() == pytest.approx(enhancement(OUTPUT, CLEAN, NOISY, SAMPLES, weights=EACH).item(), rel=1e-4)


def test_shards_add_up() -> None:
    waves = (OUTPUT, CLEAN, NOISY, SAMPLES)
    parts = [enhancement(*(wave[rows] for wave in waves), weights=EACH) for rows in (slice(0, 2), slice(2, 4))]
    assert sum(parts).item() / 2 == pytest.approx(enhancement(*waves, weights=EACH).item(), rel=1e-5)


@pytest.mark.parametrize("output", [OUTPUT, CLEAN, 0 * CLEAN])
@pytest.mark.parametrize("noisy", [NOISY, CLEAN, 0 * CLEAN])
def test_gradients_are_finite_even_in_silence(output: torch.Tensor, noisy: torch.Tensor) -> None:
    output = output.clone().requires_grad_()
    loss = enhancement(output, CLEAN, noisy, SAMPLES, weights=EACH)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(output.grad).all()


def test_half_precision_outputs_are_taken() -> None:
    loss = enhancement(OUTPUT.bfloat16(), CLEAN, NOISY, SAMPLES, weights=EACH)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(enhancement(OUTPUT, CLEAN, NOISY, SAMPLES, weights=EACH).item(), rel=0.05)


def test_what_is_right_already_does_not_outweigh_the_rest() -> None:
    """From good to perfect costs less than the ceiling is away."""
    only = Weights(l1=0, si_sdr=1, stft=0, absent=0)
    sounds = (CLEAN[:3], NOISY[:3], SAMPLES[:3])
    good, perfect = (enhancement(given, *sounds, weights=only) for given in (OUTPUT[:3], CLEAN[:3]))
    assert perfect.item() == pytest.approx(-30, abs=0.01)
    assert 0 < good - perfect < 11
