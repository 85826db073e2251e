"""Macro F1 as a loss: counts of hits and misses made of probabilities, so that they have gradients.

Letters: B batch, K labels.
"""

from __future__ import annotations

from torch import Tensor


def soft_f1(logits_BK: Tensor, target_BK: Tensor, weight_K: Tensor | None = None) -> Tensor:
    """1 - mean over labels of 2 TP / (2 TP + FP + FN), where TP_k = sum_b t p, FP_k = sum_b (1 - t) p and
    FN_k = sum_b t (1 - p); so F1_k = 2 TP_k / (sum_b p + sum_b t). p is the softmax of the logits, t the target.

    A label that no target of the batch speaks of has no F1 and is left out. `weight_K` weighs the mean. Counts belong
    to a batch: unlike the other losses, the mean over shards is not the loss of the whole batch.
    """
    score_BK = logits_BK.float().softmax(dim=1)
    mass_K = target_BK.sum(dim=0)
    f1_K = 2.0 * (score_BK * target_BK).sum(dim=0) / (score_BK.sum(dim=0) + mass_K).clamp_min(1e-12)
    share_K = (mass_K > 0).to(f1_K.dtype) if weight_K is None else weight_K * (mass_K > 0)
    return 1.0 - (f1_K * share_K).sum() / share_K.sum().clamp_min(1e-12)
