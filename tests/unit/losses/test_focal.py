"""Focal loss, by hand."""

import math

import pytest
import torch

from sonant.losses.cross_entropy import cross_entropy
from sonant.losses.focal import focal

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
TARGET = torch.tensor([[1.0, 0.0, 0.0], [0.2, 0.5, 0.3]])


def test_by_hand() -> None:
    weight = [1.0, 2.0, 0.5]
    total = 0.0
    for row in range(2):
        raised = [math.exp(value) for value in LOGITS[row].tolist()]
        for k in range(3):
            p = raised[k] / sum(raised)
            total -= weight[k] * float(TARGET[row, k]) * (1 - p) ** 1.5 * math.log(p)
    assert float(focal(LOGITS, TARGET, torch.tensor(weight), gamma=1.5)) == pytest.approx(total / 2, rel=1e-5)


def test_gamma_0_is_cross_entropy() -> None:
    torch.testing.assert_close(focal(LOGITS, TARGET, gamma=0.0), cross_entropy(LOGITS, TARGET))


def test_what_is_right_already_counts_less() -> None:
    sure, unsure = (torch.tensor([[value, 0.0]]) for value in (4.0, 0.5))
    target = torch.tensor([[1.0, 0.0]])
    shares = [float(focal(x, target) / cross_entropy(x, target)) for x in (sure, unsure)]
    assert shares[0] < 0.01 * shares[1]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_certainty_has_a_finite_slope(gamma: float) -> None:
    logits = torch.tensor([[200.0, 0.0], [0.0, 200.0]], requires_grad=True)
    focal(logits, torch.tensor([[1.0, 0.0], [1.0, 0.0]]), gamma=gamma).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad[1].abs().max() > 0.4, "the one that is wrong still pulls"
