import pytest
import torch

from sonant.config.data import Augment
from sonant.data.augment import Mix, draw_mix, mix, mix_waves


def test_a_share_of_the_batches_is_mixed() -> None:
    cfg = Augment(mixup_p=0.3)
    drawn = [draw_mix(cfg, 0, 0, step, 0, 8) for step in range(300)]
    assert sum(pairs is not None for pairs in drawn) == pytest.approx(90, abs=25)
    assert draw_mix(Augment(mixup_p=0), 0, 0, 0, 0, 8) is None


def test_pairs_are_a_permutation_and_the_own_weight_is_the_larger() -> None:
    pairs = draw_mix(Augment(mixup_p=1, mixup_alpha=1.0), 0, 1, 2, 3, 100)
    assert pairs is not None
    assert sorted(pairs.partner_B.tolist()) == list(range(100))
    assert pairs.weight_B.min() >= 0.5
    assert pairs.weight_B.max() <= 1
    again = draw_mix(Augment(mixup_p=1, mixup_alpha=1.0), 0, 1, 2, 3, 100)
    assert again is not None
    assert torch.equal(pairs.weight_B, again.weight_B)
    other = draw_mix(Augment(mixup_p=1, mixup_alpha=1.0), 0, 1, 2, 4, 100)
    assert other is not None
    assert not torch.equal(pairs.partner_B, other.partner_B)


def test_targets_are_blended_by_weight() -> None:
    pairs = Mix(torch.tensor([1, 0]), torch.tensor([0.75, 1.0]))
    assert mix(torch.eye(2), pairs).tolist() == [[0.75, 0.25], [0.0, 1.0]]


def test_waves_are_blended_at_one_level() -> None:
    """A partner that is 40 dB louder counts for no more than its weight, and neither do the pauses around it."""
    quiet_N = 0.001 * torch.randn(16_000, generator=torch.Generator().manual_seed(0))
    loud_N = torch.zeros(16_000)
    loud_N[4000:8000] = 0.1 * torch.randn(4000, generator=torch.Generator().manual_seed(1))
    wav_BN = torch.stack([quiet_N, loud_N, torch.zeros(16_000)])
    pairs = Mix(torch.tensor([1, 2, 0]), torch.tensor([0.75, 0.5, 0.75]))
    mixed_BN = mix_waves(wav_BN, pairs, 16_000)
    torch.testing.assert_close(mixed_BN[0, :4000], 0.75 * quiet_N[:4000])
    of_partner_N = mixed_BN[0] - 0.75 * quiet_N
    assert of_partner_N[4000:8000].square().mean().sqrt() == pytest.approx(0.25 * 0.001, rel=0.05)
    # Beside a silent partner the item is itself; silence has no level to bring a partner to.
    torch.testing.assert_close(mixed_BN[1], 0.5 * loud_N)
    assert mixed_BN[2].abs().max() == 0
