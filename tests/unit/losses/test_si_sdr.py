"""SI-SDR by its formula in numpy, and the properties that it is used for."""

import numpy as np
import pytest
import torch

from sonant.losses.si_sdr import si_sdr


def by_hand(estimate_N: np.ndarray, target_N: np.ndarray, eps: float = 1e-6) -> float:
    estimate_N, target_N = estimate_N - estimate_N.mean(), target_N - target_N.mean()
    wanted_N = estimate_N @ target_N / (target_N @ target_N + eps) * target_N
    return 10 * np.log10((wanted_N @ wanted_N) / (((wanted_N - estimate_N) ** 2).sum() + eps) + eps)


def waves(count: int = 3, samples: int = 2000, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    target = torch.randn(count, samples) + 0.3
    return target + torch.tensor([0.1, 1.0, 5.0])[:, None] * torch.randn(count, samples) - 0.2, target


def test_by_hand() -> None:
    estimate, target = waves()
    expected = [by_hand(*pair) for pair in zip(estimate.double().numpy(), target.double().numpy(), strict=True)]
    assert si_sdr(estimate, target).tolist() == pytest.approx(expected, abs=1e-3)
    # 20 dB: the noise has a tenth of the target's amplitude.
    assert expected[0] == pytest.approx(20, abs=0.5)


def test_padding_does_not_count() -> None:
    estimate, target = waves()
    samples = torch.tensor([2000, 1500, 700])
    alone = [si_sdr(estimate[b : b + 1, :n], target[b : b + 1, :n])[0] for b, n in enumerate(samples.tolist())]
    estimate[1, 1500:], target[2, 700:] = 99.0, -99.0
    assert si_sdr(estimate, target, samples).tolist() == pytest.approx([float(value) for value in alone], abs=1e-4)


def test_level_and_offset_do_not_matter() -> None:
    estimate, target = waves()
    assert torch.allclose(si_sdr(-7 * estimate + 3, 0.5 * target - 1), si_sdr(estimate, target), atol=1e-2)


def test_perfect_and_impossible_are_finite_and_have_gradients() -> None:
    target = waves()[1]
    for estimate in (target, torch.zeros_like(target), -target):
        for wanted in (target, torch.zeros_like(target)):
            given = estimate.clone().requires_grad_()
            loss = si_sdr(given, wanted).sum()
            loss.backward()
            assert torch.isfinite(loss)
            assert torch.isfinite(given.grad).all()
    assert (si_sdr(target, target) > 60).all()


def test_half_precision_is_summed_in_full() -> None:
    estimate, target = waves(samples=60_000)
    assert torch.allclose(si_sdr(estimate.half(), target.half()), si_sdr(estimate, target), atol=0.1)


def test_a_ceiling_is_neared_and_not_exceeded() -> None:
    """Without effect far below it; what would be endless comes to it; ten dB above it, half a dB is left."""
    target = torch.randn(1, 4000, generator=torch.Generator().manual_seed(3))
    error = torch.randn(1, 4000, generator=torch.Generator().manual_seed(4))
    ratios = {}
    for db in (0, 30, 40):
        estimate = target + 10 ** (-db / 20) * error
        ratios[db] = (si_sdr(estimate, target).item(), si_sdr(estimate, target, ceiling_db=30).item())
    assert ratios[0][1] == pytest.approx(ratios[0][0], abs=0.01)
    assert ratios[30][1] == pytest.approx(27, abs=0.2)
    assert ratios[40][1] == pytest.approx(29.6, abs=0.2)
    assert si_sdr(target, target, ceiling_db=30).item() == pytest.approx(30, abs=0.01)
