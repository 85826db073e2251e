"""Cross entropy against soft targets, by hand."""

import math

import pytest
import torch

from sonant.losses.cross_entropy import class_weights, cross_entropy, soft_targets

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def log_p(logits: list[float], label: int) -> float:
    return logits[label] - math.log(sum(math.exp(value) for value in logits))


def test_soft_targets_are_distributions() -> None:
    target = soft_targets(torch.tensor([0, 2]), 3, smoothing=0.3)
    torch.testing.assert_close(target, torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]))
    assert torch.equal(soft_targets(torch.tensor([1]), 3), torch.tensor([[0.0, 1.0, 0.0]]))


def test_hard_targets_give_the_log_loss() -> None:
    by_hand = -(log_p([2.0, 0.0, -1.0], 0) + log_p([0.0, 1.0, 0.0], 2)) / 2
    assert float(cross_entropy(LOGITS, soft_targets(torch.tensor([0, 2]), 3))) == pytest.approx(by_hand)


def test_soft_targets_and_weights() -> None:
    target, weight = torch.tensor([[0.7, 0.3, 0.0], [0.0, 0.5, 0.5]]), torch.tensor([1.0, 2.0, 0.5])
    rows = [[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]]
    by_hand = -sum(float(weight[k]) * float(target[row, k]) * log_p(rows[row], k) for row in range(2) for k in range(3))
    assert float(cross_entropy(LOGITS, target, weight)) == pytest.approx(by_hand / 2)


def test_the_mean_over_equal_shards_is_the_loss_of_the_whole() -> None:
    logits, target = torch.randn(8, 3), torch.rand(8, 3).softmax(dim=1)
    weight = class_weights([10, 1, 5])
    shards = [cross_entropy(logits[at : at + 4], target[at : at + 4], weight) for at in (0, 4)]
    torch.testing.assert_close(torch.stack(shards).mean(), cross_entropy(logits, target, weight))


def test_half_precision_logits_are_judged_in_float32() -> None:
    loss = cross_entropy(LOGITS.to(torch.bfloat16), soft_targets(torch.tensor([0, 2]), 3))
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, cross_entropy(LOGITS, soft_targets(torch.tensor([0, 2]), 3)))


def test_class_weights_average_to_one_over_the_clips() -> None:
    counts = [60, 30, 10, 0]
    weight = class_weights(counts)
    assert weight.tolist() == pytest.approx([100 / (3 * 60), 100 / (3 * 30), 100 / (3 * 10), 0.0])
    assert sum(w * n for w, n in zip(weight.tolist(), counts, strict=True)) / 100 == pytest.approx(1.0)
