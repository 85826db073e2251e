"""Does the wanted speaker speak? Binary cross entropy of items, or of their frames. Letters: B batch, T frames."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def presence(logits: Tensor, present: Tensor, frames_B: Tensor | None = None) -> Tensor:
    """Mean over items, logits (B,), or over the mean of each item's first `frames_B` frames, (B, T).

    `present` is 0 or 1 (or between) of items, (B,), which then holds for all their frames, or of frames, (B, T).
    """
    target = present.float()
    if logits.dim() > target.dim():
        target = target[:, None].expand_as(logits)
    loss = functional.binary_cross_entropy_with_logits(logits.float(), target, reduction="none")
    if loss.dim() == 1 or frames_B is None:
        return loss.mean()
    counts_BT = torch.arange(loss.shape[1], device=loss.device) < frames_B[:, None]
    return ((loss * counts_BT).sum(1) / frames_B.clamp_min(1)).mean()
