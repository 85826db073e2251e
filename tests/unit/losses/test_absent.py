import math

import pytest
import torch

from sonant.losses.absent import absent_energy

MIX = torch.randn(3, 1000, generator=torch.Generator().manual_seed(0))


def test_known_levels() -> None:
    output = torch.tensor([1.0, 0.1, 0.0])[:, None] * MIX
    assert absent_energy(output, MIX, floor_db=-40).tolist() == pytest.approx([0, -20, -40], abs=0.05)


def test_padding_does_not_count() -> None:
    output = 0.1 * MIX
    output[1, 500:] = 70
    assert absent_energy(output, MIX, torch.tensor([1000, 500, 900]))[1].item() == pytest.approx(-20, abs=0.05)


@pytest.mark.parametrize("level_db", [0, -40, -80])
def test_the_pull_towards_silence_ends_at_the_floor(level_db: int) -> None:
    """dB for each e-fold of the output's amplitude: 20 / ln 10 far above the floor, half of that at it."""
    given = (10 ** (level_db / 20) * MIX).requires_grad_()
    absent_energy(given, MIX, floor_db=-40).sum().backward()
    power = 10 ** (level_db / 10)
    pull = (given.grad * given).sum(1).tolist()
    assert pull == pytest.approx([20 / math.log(10) * power / (power + 1e-4)] * 3, rel=1e-3)


def test_silence_is_finite() -> None:
    given = torch.zeros_like(MIX).requires_grad_()
    for mix in (MIX, torch.zeros_like(MIX)):
        loss = absent_energy(given, mix)
        loss.sum().backward()
        assert loss.tolist() == pytest.approx([-40] * 3)
    assert not given.grad.any()
