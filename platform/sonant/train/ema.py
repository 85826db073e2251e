"""A moving average of the weights: smoother than any single step, and what is validated and exported when it is on."""

from __future__ import annotations

import copy

import torch
from torch import nn


def start(model: nn.Module) -> nn.Module:
    """A copy of the model that will hold the average."""
    average = copy.deepcopy(model)
    return average.requires_grad_(False).eval()


@torch.no_grad()
def update(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """average = d * average + (1 - d) * model, with d growing from 0.1 to `decay` over the first steps (step counts
    from 0), so that the random start is forgotten quickly. Running statistics are averaged too, counters copied."""
    warm = min(decay, (1.0 + step) / (10.0 + step))
    for mean, value in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1.0 - warm)
        else:
            mean.copy_(value)
