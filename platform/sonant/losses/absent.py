"""What is left of a mixture in which the wanted speaker does not speak. Letters: B batch, N samples."""

from __future__ import annotations

import torch
from torch import Tensor

from sonant.losses.si_sdr import valid


def absent_energy(
    output_BN: Tensor, mix_BN: Tensor, samples_B: Tensor | None = None, *, floor_db: float = -40.0, eps: float = 1e-8
) -> Tensor:
    """dB of each item, (B,): energy of the output over that of the mixture, softly not under `floor_db`: silence that
    is silent enough no longer pulls, and its gradient is finite at zero."""
    valid_BN = valid(samples_B, output_BN)
    output_B = (output_BN.float() * valid_BN).square().sum(1)
    mix_B = (mix_BN.float() * valid_BN).square().sum(1)
    return 10 * torch.log10(output_B / (mix_B + eps) + 10 ** (floor_db / 10))
