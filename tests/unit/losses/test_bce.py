"""One-against-all cross entropy, by hand."""

import math

import pytest
import torch

from sonant.losses.bce import bce

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.0, 0.0]])


def test_by_hand() -> None:
    target, weight = [[1.0, 1.0, 0.0], [0.3, 0.0, 0.0]], [1.0, 2.0, 0.5]
    total = 0.0
    for row in range(2):
        for k in range(3):
            s, t = 1 / (1 + math.exp(-float(LOGITS[row, k]))), target[row][k]
            total -= weight[k] * (t * math.log(s) + (1 - t) * math.log(1 - s))
    assert float(bce(LOGITS, torch.tensor(target), torch.tensor(weight))) == pytest.approx(total / 2, rel=1e-5)


def test_labels_do_not_compete() -> None:
    logits = LOGITS.clone().requires_grad_()
    bce(logits, torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])).backward()
    alone = LOGITS[:, :1].clone().requires_grad_()
    bce(alone, torch.tensor([[1.0], [0.0]])).backward()
    assert logits.grad is not None
    assert alone.grad is not None
    torch.testing.assert_close(logits.grad[:, :1], alone.grad)


def test_half_precision_logits_are_judged_in_float32() -> None:
    loss = bce(torch.tensor([[60.0, -60.0]], dtype=torch.bfloat16), torch.tensor([[0.0, 1.0]]))
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(120.0)


def test_frames_are_averaged_and_ones_weigh_what_they_are_given() -> None:
    logits, target = torch.tensor([[[0.0], [2.0]], [[-1.0], [3.0]]]), torch.tensor([[[1], [1]], [[0], [0]]])
    wanted = [3 * math.log(2), 3 * math.log(1 + math.exp(-2)), math.log(1 + math.exp(-1)), math.log(1 + math.exp(3))]
    torch.testing.assert_close(bce(logits, target, positive_weight=3.0), torch.tensor(sum(wanted) / 4))


def test_large_logits_stay_finite() -> None:
    assert bce(torch.tensor([[1e4, -1e4]]), torch.tensor([[0.0, 1.0]])).isfinite()
