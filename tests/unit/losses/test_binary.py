import math

import torch

from sonant.losses.binary import binary_cross_entropy


def test_the_mean_over_all_elements() -> None:
    logits, target = torch.tensor([[0.0, 2.0], [-1.0, 3.0]]), torch.tensor([[1, 1], [0, 0]])
    wanted = [math.log(2), math.log(1 + math.exp(-2)), math.log(1 + math.exp(-1)), math.log(1 + math.exp(3))]
    torch.testing.assert_close(binary_cross_entropy(logits, target), torch.tensor(sum(wanted) / 4))


def test_ones_weigh_what_they_are_given() -> None:
    logits = torch.zeros(2)
    alone = [float(binary_cross_entropy(logits, torch.full((2,), value), 3.0)) for value in (0.0, 1.0)]
    assert math.isclose(alone[1], 3 * alone[0], rel_tol=1e-6)


def test_large_logits_stay_finite() -> None:
    assert binary_cross_entropy(torch.tensor([1e4, -1e4]), torch.tensor([0.0, 1.0])).isfinite()
