"""Each label against all others: binary cross entropy on logits. Letters: B batch, K labels."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def bce(logits_BK: Tensor, target_BK: Tensor, weight_K: Tensor | None = None) -> Tensor:
    """Mean over the batch of -sum_k weight_k (t_k log s_k + (1 - t_k) log(1 - s_k)), s the sigmoid of the logits.

    Targets are any numbers in [0, 1]: one label, several, none, or mixtures. The sum over labels, and not their mean,
    keeps the gradient of a label the same however many others there are.
    """
    loss_BK = functional.binary_cross_entropy_with_logits(logits_BK.float(), target_BK, reduction="none")
    return (loss_BK if weight_K is None else loss_BK * weight_K).sum(dim=1).mean()
