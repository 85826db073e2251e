import numpy as np
import pytest
import torch

from sonant.config.data import Augment
from sonant.data.augment import Mix, draw_mix, mix


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


def test_waves_and_targets_are_blended_alike() -> None:
    pairs = Mix(torch.tensor([1, 0]), torch.tensor([0.75, 1.0]))
    items = torch.from_numpy(np.eye(2, dtype=np.float32))
    assert mix(items, pairs).tolist() == [[0.75, 0.25], [0.0, 1.0]]
