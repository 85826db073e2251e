"""Mixup (Zhang et al. 2018, arXiv:1710.09412): items of a batch blended in pairs, waves and targets alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sonant.config.data import Augment
from sonant.data.augment.noise import active_power
from sonant.data.rng import Purpose, rng


@dataclass(frozen=True)
class Mix:
    """The other item of each pair, and the weight of the own one (at least a half)."""

    partner_B: Tensor
    weight_B: Tensor

    def to(self, device: torch.device | str) -> Mix:
        return Mix(self.partner_B.to(device, non_blocking=True), self.weight_B.to(device, non_blocking=True))


def draw_mix(cfg: Augment, seed: int, epoch: int, step: int, rank: int, items: int) -> Mix | None:
    """Pairs for the batch `step` of a rank; None where this batch is not mixed."""
    if cfg.mixup_p == 0:
        return None
    generator = rng(Purpose.MIXUP, seed, epoch, step, rank)
    if generator.random() >= cfg.mixup_p:
        return None
    partner_B = generator.permutation(items).astype(np.int64)
    weight_B = generator.beta(cfg.mixup_alpha, cfg.mixup_alpha, items)
    weight_B = np.maximum(weight_B, 1 - weight_B).astype(np.float32)
    return Mix(torch.from_numpy(partner_B), torch.from_numpy(weight_B))


def mix_waves(wav_BN: Tensor, pairs: Mix, sample_rate_hz: int) -> Tensor:
    """`mix` of waves, each partner brought to the level of the item first: what is heard is mixed as the targets are,
    and not the louder of the two alone (Tokozume et al. 2018, arXiv:1711.10282). A silent partner stays silent."""
    power_B = active_power(wav_BN, sample_rate_hz)
    other_B = power_B[pairs.partner_B]
    ratio_B = torch.where(other_B > 0, power_B / other_B.clamp_min(torch.finfo(other_B.dtype).tiny), 0.0)
    weight_B1 = pairs.weight_B[:, None]
    return weight_B1 * wav_BN + (1 - weight_B1) * ratio_B.sqrt()[:, None] * wav_BN[pairs.partner_B]


def mix(items_BX: Tensor, pairs: Mix) -> Tensor:
    """weight * own + (1 - weight) * partner, for targets (B, K)."""
    weight_B1 = pairs.weight_B[:, None]
    return weight_B1 * items_BX + (1 - weight_B1) * items_BX[pairs.partner_B]
