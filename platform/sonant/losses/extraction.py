"""One number for outputs of which some have a target and some must be silent. Letters: B batch, N samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sonant.losses.absent import absent_energy
from sonant.losses.si_sdr import si_sdr

Ratio = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""(estimate_BN, target_BN, samples_B) -> dB of each item, the more the better: `si_sdr` or `snr`."""


def extraction(
    output_BN: Tensor,
    target_BN: Tensor,
    samples_B: Tensor | None = None,
    *,
    mix_BN: Tensor | None = None,
    present_B: Tensor | None = None,
    absent_weight: float = 1.0,
    floor_db: float = -40.0,
    ratio: Ratio = si_sdr,
) -> Tensor:
    """Mean over the batch of -`ratio` where the wanted speaker speaks, and of `absent_weight` times the output's energy
    over the mixture's where not; without `present_B`, all of them speak.

    The mean divides by B, so that the mean over equal shards is the loss of the whole batch.
    """
    loss_B = -ratio(output_BN, target_BN, samples_B)
    if present_B is None:
        return loss_B.mean()
    assert mix_BN is not None, "what is left is measured against the mixture"
    left_B = absent_energy(output_BN, mix_BN, samples_B, floor_db=floor_db)
    return torch.where(present_B, loss_B, absent_weight * left_B).mean()
