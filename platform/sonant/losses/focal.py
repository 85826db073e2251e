"""Focal loss (Lin et al. 2017, arXiv:1708.02002). Letters: B batch, K labels."""

from __future__ import annotations

import torch
from torch import Tensor


def focal(logits_BK: Tensor, target_BK: Tensor, weight_K: Tensor | None = None, *, gamma: float = 2.0) -> Tensor:
    """Mean over the batch of -sum_k weight_k target_k (1 - p_k)^gamma log p_k (equation 5, over a softmax); gamma = 0
    is cross entropy."""
    log_p_BK = logits_BK.float().log_softmax(dim=1)
    # The floor keeps the power's slope finite where p rounds to 1 and gamma is less than 1.
    doubt_BK = (-torch.expm1(log_p_BK)).clamp_min(1e-7) ** gamma
    loss_BK = -target_BK * doubt_BK * log_p_BK
    return (loss_BK if weight_K is None else loss_BK * weight_K).sum(dim=1).mean()
