"""Cross entropy against soft targets: the one loss behind smoothing, mixup, class weights and distillation.

Letters: B batch, K labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def soft_targets(label_B: Tensor, outputs: int, smoothing: float = 0.0) -> Tensor:
    """Labels as distributions, (B,) -> (B, K): a share `smoothing` is spread evenly over all labels, the right one
    included (Szegedy et al. 2016, section 7)."""
    one_hot_BK = functional.one_hot(label_B, outputs).to(torch.float32)
    return one_hot_BK * (1.0 - smoothing) + smoothing / outputs


def cross_entropy(logits_BK: Tensor, target_BK: Tensor, weight_K: Tensor | None = None) -> Tensor:
    """Mean over the batch of -sum_k weight_k target_k log p_k.

    The mean divides by B and not by the weights in the batch, so that the mean over equal shards is the loss of the
    whole batch, on any number of workers. Logits may come out of autocast: the logarithm is taken in float32.
    """
    return functional.cross_entropy(logits_BK.float(), target_BK, weight=weight_K)


def class_weights(count_K: Sequence[int]) -> Tensor:
    """Weights inverse to how often each label occurs, (K,); their mean over the training clips is 1, so the learning
    rate keeps its meaning. A label that never occurs gets 0."""
    count = torch.tensor(count_K, dtype=torch.float64)
    present = count > 0
    weight = torch.where(present, count.sum() / (present.sum() * count.clamp(min=1)), 0.0)
    return weight.to(torch.float32)
