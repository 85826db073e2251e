"""Each label against all others: binary cross entropy on logits. Letters: B batch (and frames), K labels."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def bce(
    logits_BK: Tensor, target_BK: Tensor, weight_K: Tensor | None = None, *, positive_weight: float = 1.0
) -> Tensor:
    """Mean over all dimensions before the last of -sum_k weight_k (p t_k log s_k + (1 - t_k) log(1 - s_k)), s the
    sigmoid of the logits and p `positive_weight`.

    Targets are any numbers in [0, 1]: one label, several, none, or mixtures. The sum over labels, and not their mean,
    keeps the gradient of a label the same however many others there are.
    """
    positive = None if positive_weight == 1.0 else logits_BK.new_tensor(positive_weight)
    loss_BK = functional.binary_cross_entropy_with_logits(
        logits_BK.float(), target_BK.float(), weight_K, reduction="none", pos_weight=positive
    )
    return loss_BK.sum(dim=-1).mean()
