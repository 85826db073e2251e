import pytest
import torch

from sonant.losses.compressed import compressed

torch.manual_seed(0)
CLEAN = torch.randn(2, 4000)
SAMPLES = torch.tensor([4000, 1500])


def test_it_is_nothing_only_for_the_target_itself() -> None:
    assert compressed(CLEAN, CLEAN).tolist() == [0, 0]
    distances = [compressed(given, CLEAN).mean().item() for given in (0.9 * CLEAN, 0.5 * CLEAN, 0 * CLEAN, -CLEAN)]
    assert distances[0] < distances[1] < distances[2]
    assert distances[3] > distances[1], "polarity is heard"


def test_with_power_one_it_is_the_plain_distance() -> None:
    half = compressed(0.5 * CLEAN, CLEAN, power=1.0)
    assert compressed(0 * CLEAN, CLEAN, power=1.0) == pytest.approx(4 * half, rel=1e-2)


def test_soft_sounds_count_beside_loud_ones() -> None:
    both, loud_one, nothing = (torch.cat([loud * CLEAN, soft * CLEAN], 1) for loud, soft in ((1, 0.01), (1, 0), (0, 0)))
    lost = {
        power: compressed(loud_one, both, power=power) / compressed(nothing, both, power=power) for power in (0.3, 1)
    }
    assert lost[0.3].max() > 0.02
    assert lost[1].max() < 1e-3


def test_padding_changes_nothing() -> None:
    noisy = CLEAN + torch.randn(2, 4000)
    alone = compressed(noisy[1:, :1500], CLEAN[1:, :1500])
    assert compressed(noisy, CLEAN, SAMPLES)[1].item() == pytest.approx(alone.item(), rel=1e-4)


@pytest.mark.parametrize("wanted", [CLEAN, torch.zeros_like(CLEAN)])
def test_gradients_are_finite_in_silence_and_pull_towards_it(wanted: torch.Tensor) -> None:
    silent = torch.zeros(2, 4000, requires_grad=True)
    compressed(silent, wanted, SAMPLES).sum().backward()
    assert torch.isfinite(silent.grad).all()
    given = CLEAN.clone().requires_grad_()
    compressed(given, torch.zeros_like(CLEAN)).sum().backward()
    assert (given.grad * CLEAN).sum() > 0
