"""Binary cross entropy: labels that do not exclude each other, each a question of its own."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def binary_cross_entropy(logits: Tensor, target: Tensor, positive_weight: float = 1.0) -> Tensor:
    """Mean over all elements of two tensors of one shape; `target` is in [0, 1] and ones weigh `positive_weight`."""
    weight = None if positive_weight == 1.0 else logits.new_tensor(positive_weight)
    return F.binary_cross_entropy_with_logits(logits.float(), target.float(), pos_weight=weight)
