"""Scale-invariant signal-to-distortion ratio (Le Roux et al. 2019, arXiv:1811.02508). Letters: B batch, N samples."""

from __future__ import annotations

import torch
from torch import Tensor


def si_sdr(
    estimate_BN: Tensor,
    target_BN: Tensor,
    samples_B: Tensor | None = None,
    *,
    eps: float = 1e-6,
    ceiling_db: float | None = None,
) -> Tensor:
    """dB of each item, (B,): of the target's share in the estimate over all that is not the target.

    Only the first `samples_B` samples count (all without it), and their mean is taken away from both. A target of zeros
    gives about 10 log10(eps), whatever the estimate. A perfect estimate comes to `ceiling_db` (Wisdom et al. 2020,
    arXiv:2006.12701, eq. 2): as a loss, what is nearly right already does not outweigh the rest. Waves may come out of
    autocast: sums are taken in float32.
    """
    valid_BN = valid(samples_B, estimate_BN)
    estimate_BN, target_BN = centred(estimate_BN, valid_BN), centred(target_BN, valid_BN)
    share_B1 = (estimate_BN * target_BN).sum(1, keepdim=True) / (target_BN.square().sum(1, keepdim=True) + eps)
    wanted_BN = share_B1 * target_BN
    wanted_B, error_B = wanted_BN.square().sum(1), (estimate_BN - wanted_BN).square().sum(1)
    if ceiling_db is not None:
        error_B = error_B + 10 ** (-ceiling_db / 10) * wanted_B
    return 10 * torch.log10(wanted_B / (error_B + eps) + eps)


def valid(samples_B: Tensor | None, like_BN: Tensor) -> Tensor:
    """1 for the samples of each item that count and 0 for its padding, (B, N) in float32."""
    if samples_B is None:
        return torch.ones_like(like_BN, dtype=torch.float32)
    place_N = torch.arange(like_BN.shape[1], device=like_BN.device)
    return (place_N < samples_B[:, None]).float()


def centred(wav_BN: Tensor, valid_BN: Tensor) -> Tensor:
    """Without the mean of the samples that count; zeros elsewhere."""
    wav_BN = wav_BN.float() * valid_BN
    mean_B1 = wav_BN.sum(1, keepdim=True) / valid_BN.sum(1, keepdim=True).clamp_min(1)
    return (wav_BN - mean_B1) * valid_BN
