"""Spectra against the definition, item by item, whatever stands behind them."""

import numpy as np
import pytest
import torch

from sonant.losses.spectrum import spectrum
from sonant.losses.stft import RESOLUTIONS, multi_stft

torch.manual_seed(0)
CLEAN = torch.randn(3, 4000)
GIVEN = CLEAN + 0.3 * torch.randn(3, 4000)
SAMPLES = torch.tensor([4000, 2500, 1])


def by_hand(given: np.ndarray, wanted: np.ndarray, fft: int, hop: int, window: int) -> float:
    """The paper's two distances, the window in the middle of the transform."""
    place = (fft - window) // 2
    taper = np.zeros(fft)
    taper[place : place + window] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    padded = [np.pad(wave, fft // 2) for wave in (given, wanted)]
    starts = range(0, len(given), hop)
    sizes = [np.abs(np.fft.rfft([wave[at : at + fft] * taper for at in starts])) for wave in padded]
    convergence = np.linalg.norm(sizes[1] - sizes[0]) / np.linalg.norm(sizes[1])
    return float(convergence + np.abs(np.log(sizes[1] / sizes[0])).mean())


def test_it_is_what_the_paper_says() -> None:
    wanted = [by_hand(GIVEN[0].double().numpy(), CLEAN[0].double().numpy(), *each) for each in RESOLUTIONS]
    assert multi_stft(GIVEN[:1], CLEAN[:1]).item() == pytest.approx(np.mean(wanted), rel=2e-3)


def test_items_are_judged_alone_and_padding_changes_nothing() -> None:
    together = multi_stft(GIVEN, CLEAN, SAMPLES)
    for row, samples in enumerate(SAMPLES.tolist()):
        alone = multi_stft(GIVEN[row : row + 1, :samples], CLEAN[row : row + 1, :samples])
        assert together[row].item() == pytest.approx(alone.item(), rel=1e-4)


def test_the_norm_is_that_of_the_target() -> None:
    loud, soft = 4 * CLEAN[:1], CLEAN[:1]
    assert multi_stft(loud, soft).item() == pytest.approx(3 + np.log(4), rel=1e-2)
    assert multi_stft(soft, loud).item() == pytest.approx(3 / 4 + np.log(4), rel=1e-2)


def test_it_is_deaf_to_polarity() -> None:
    torch.testing.assert_close(multi_stft(-CLEAN, CLEAN), multi_stft(CLEAN, CLEAN))


@pytest.mark.parametrize("wanted", [CLEAN, torch.zeros_like(CLEAN)])
@pytest.mark.parametrize("given", [CLEAN, torch.zeros_like(CLEAN)])
def test_gradients_are_finite_at_the_goal_and_in_silence(given: torch.Tensor, wanted: torch.Tensor) -> None:
    given = given.clone().requires_grad_()
    multi_stft(given, wanted, SAMPLES).sum().backward()
    assert given.grad is not None
    assert torch.isfinite(given.grad).all()


def test_frames_of_padding_do_not_count() -> None:
    found = spectrum(CLEAN, SAMPLES, fft=512, hop=100, window=200)
    assert found.valid_B1T.sum((1, 2)).tolist() == [40, 25, 1]
    ones = torch.ones(found.spec_BFT.shape)
    assert found.mean(ones).tolist() == [1, 1, 1]
