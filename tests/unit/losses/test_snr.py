import math

import pytest
import torch

from sonant.losses.snr import snr

TARGET = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("error", [1.0, 0.1, 0.5])
def test_a_known_ratio(error: float) -> None:
    expected = -20 * torch.log10(torch.tensor(error)).item()
    assert snr((1 + error) * TARGET, TARGET, ceiling_db=200).tolist() == pytest.approx([expected] * 2, abs=1e-3)
    # Unlike SI-SDR, the level counts.
    assert snr(2 * TARGET, TARGET, ceiling_db=200).tolist() == pytest.approx([0, 0], abs=1e-4)


@pytest.mark.parametrize("error", [0.5, 0.0316, 0.001])
def test_the_ceiling_and_its_pull(error: float) -> None:
    """dB for each e-fold of the error's amplitude: 20 / ln 10 far from the ceiling, half of that at it, none beyond."""
    assert snr(TARGET, TARGET).tolist() == pytest.approx([30, 30], abs=1e-3)
    given = ((1 + error) * TARGET).requires_grad_()
    snr(given, TARGET).sum().backward()
    pull = (given.grad * error * TARGET).sum(1).tolist()
    assert pull == pytest.approx([-20 / math.log(10) * error**2 / (error**2 + 1e-3)] * 2, rel=1e-3)


def test_padding_does_not_count() -> None:
    estimate, target = 0.9 * TARGET, TARGET.clone()
    alone = snr(estimate[1:, :600], target[1:, :600])
    target[1, 600:] = 50
    assert snr(estimate, target, torch.tensor([1000, 600]))[1].item() == pytest.approx(alone.item(), abs=1e-4)
