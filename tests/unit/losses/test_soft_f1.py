"""F1 of probabilities, by hand and against the F1 of decisions."""

import numpy as np
import pytest
import torch

from sonant.losses.cross_entropy import soft_targets
from sonant.losses.soft_f1 import soft_f1
from sonant.metrics.confusion import confusion
from sonant.metrics.f1 import macro_f1


def test_by_hand() -> None:
    score = torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.2, 0.2, 0.6]])
    target = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5]])
    f1 = []
    for k in range(3):
        tp = float((score[:, k] * target[:, k]).sum())
        fp = float((score[:, k] * (1 - target[:, k])).sum())
        fn = float(((1 - score[:, k]) * target[:, k]).sum())
        f1.append(2 * tp / (2 * tp + fp + fn))
    assert float(soft_f1(score.log(), target)) == pytest.approx(1 - sum(f1) / 3, rel=1e-5)
    weighted = 1 - (f1[0] + 3 * f1[2]) / 4
    assert float(soft_f1(score.log(), target, torch.tensor([1.0, 0.0, 3.0]))) == pytest.approx(weighted, rel=1e-5)


def test_certain_outputs_give_the_macro_f1_of_any_number_of_labels() -> None:
    label, predicted = np.array([0, 1, 2, 3, 4, 0, 1, 2]), np.array([0, 1, 2, 3, 0, 1, 1, 4])
    logits = 100.0 * soft_targets(torch.from_numpy(predicted), 5)
    loss = soft_f1(logits, soft_targets(torch.from_numpy(label), 5))
    assert 1 - float(loss) == pytest.approx(macro_f1(confusion(label, predicted, 5)), abs=1e-6)


def test_labels_that_are_not_in_the_batch_are_left_out() -> None:
    target = soft_targets(torch.tensor([0, 1]), 4)
    assert float(soft_f1(100.0 * target, target)) == pytest.approx(0.0, abs=1e-6)


def test_it_can_be_learned_from() -> None:
    logits, label = torch.zeros(12, 3, requires_grad=True), torch.arange(12) % 3
    optimizer = torch.optim.SGD([logits], lr=20.0)
    for _ in range(30):
        optimizer.zero_grad()
        soft_f1(logits, soft_targets(label, 3)).backward()
        optimizer.step()
    assert torch.equal(logits.argmax(1), label)
