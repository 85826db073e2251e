"""Mean absolute difference of waves: it hears polarity and level. Letters: B batch, N samples."""

from __future__ import annotations

from torch import Tensor

from sonant.losses.si_sdr import valid


def l1(estimate_BN: Tensor, target_BN: Tensor, samples_B: Tensor | None = None) -> Tensor:
    """Of each item, (B,), over its first `samples_B` samples (all without it)."""
    valid_BN = valid(samples_B, estimate_BN)
    distance_BN = (estimate_BN.float() - target_BN.float()).abs() * valid_BN
    return distance_BN.sum(1) / valid_BN.sum(1).clamp_min(1)
