"""Signal-to-noise ratio with a ceiling (Wisdom et al. 2020, arXiv:2006.12701, eq. 2): SI-SDR that minds the level.

A network that is to be silent when nobody wanted speaks needs a level that means something. Letters: B batch,
N samples.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sonant.losses.si_sdr import valid


def snr(
    estimate_BN: Tensor,
    target_BN: Tensor,
    samples_B: Tensor | None = None,
    *,
    ceiling_db: float = 30.0,
    eps: float = 1e-8,
) -> Tensor:
    """dB of each item, (B,): of the target over its distance to the estimate, at most `ceiling_db`: items that are
    as good as that already no longer pull. A target of zeros gives a number that means nothing."""
    valid_BN = valid(samples_B, estimate_BN)
    target_BN = target_BN.float() * valid_BN
    energy_B = target_BN.square().sum(1)
    error_B = (target_BN - estimate_BN.float() * valid_BN).square().sum(1)
    return 10 * torch.log10((energy_B + eps) / (error_B + 10 ** (-ceiling_db / 10) * energy_B + eps))
