"""The moving average of weights."""

import pytest
import torch
from torch import nn

from sonant.train import ema


def test_it_follows_the_formula_with_a_quick_start() -> None:
    model = nn.Linear(1, 1, bias=False)
    values = [4.0, 8.0, -2.0, 6.0]
    model.weight.data.fill_(1.0)
    average, expected = ema.start(model), 1.0
    for step, value in enumerate(values):
        model.weight.data.fill_(value)
        ema.update(average, model, 0.25, step)
        decay = min(0.25, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        assert float(average.weight) == pytest.approx(expected)
    assert not average.weight.requires_grad


def test_running_statistics_are_averaged_and_counters_copied() -> None:
    model = nn.BatchNorm1d(2)
    average = ema.start(model)
    model.train()(torch.tensor([[1.0, 2.0], [5.0, 2.0]]))
    ema.update(average, model, 0.0, 0)
    assert torch.equal(average.running_mean, model.running_mean)
    assert average.num_batches_tracked == 1
    assert not average.training
