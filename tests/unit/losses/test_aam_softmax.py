"""The angular margin, by hand."""

import math

import pytest
import torch

from sonant.losses.aam_softmax import aam_softmax, with_margin
from sonant.losses.cross_entropy import cross_entropy, soft_targets

COSINE = torch.tensor([[0.8, -0.1, 0.3], [0.2, 0.4, -0.9]])


def test_plain_targets_by_hand() -> None:
    total = 0.0
    for row, label in enumerate((0, 1)):
        z = [20 * value for value in COSINE[row].tolist()]
        z[label] = 20 * math.cos(math.acos(float(COSINE[row, label])) + 0.3)
        total -= z[label] - math.log(sum(math.exp(value) for value in z))
    loss = aam_softmax(COSINE, soft_targets(torch.tensor([0, 1]), 3), margin=0.3, scale=20.0)
    assert float(loss) == pytest.approx(total / 2, rel=1e-4)


def test_without_margin_it_is_the_cross_entropy_of_the_scores() -> None:
    target = soft_targets(torch.tensor([0, 1]), 3, smoothing=0.1)
    torch.testing.assert_close(aam_softmax(COSINE, target, margin=0.0, scale=7.0), cross_entropy(7.0 * COSINE, target))


def test_a_mixture_gets_its_margin_in_shares() -> None:
    target = torch.tensor([[0.7, 0.3, 0.0]])
    angles = [math.acos(value) for value in COSINE[0].tolist()]
    harder = torch.tensor([[math.cos(a + 0.5 * t) for a, t in zip(angles, (0.7, 0.3, 0.0), strict=True)]])
    expected = cross_entropy(30.0 * harder, target)
    torch.testing.assert_close(aam_softmax(COSINE[:1], target, margin=0.5), expected)


def test_the_margin_always_makes_it_harder_and_order_is_kept() -> None:
    cosine = torch.linspace(-1, 1, 401)[:, None]
    harder = with_margin(cosine, torch.full_like(cosine, 0.4))
    assert (harder < cosine).all()
    assert (harder.diff(dim=0) > 0).all()
    assert torch.equal(with_margin(cosine, torch.zeros_like(cosine)), cosine)


def test_slopes_are_finite_at_the_ends_and_a_little_beyond() -> None:
    cosine = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [1.0000002, -1.0000002]], requires_grad=True)
    aam_softmax(cosine, soft_targets(torch.tensor([0, 0, 0]), 2), margin=0.5).backward()
    assert cosine.grad is not None
    assert cosine.grad.isfinite().all()
    assert cosine.grad[1].abs().min() > 1
