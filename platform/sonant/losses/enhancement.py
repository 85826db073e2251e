"""One number for enhanced speech: a sum of distances to the clean speech, of waves at the noisy speech's level.

Letters: B batch, N samples.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sonant.losses.absent import absent_energy
from sonant.losses.compressed import compressed
from sonant.losses.l1 import l1
from sonant.losses.si_sdr import si_sdr, valid
from sonant.losses.snr import snr
from sonant.losses.stft import multi_stft

_SOFTEST = 1e-4
"""Level (RMS) that noisy speech is taken to have at least."""


class Weights(NamedTuple):
    """How much each distance counts; one of 0 is not worked out."""

    l1: float = 1.0
    si_sdr: float = 0.0
    snr: float = 0.0
    stft: float = 1.0
    compressed: float = 0.0
    absent: float = 0.0


def enhancement(
    output_BN: Tensor,
    clean_BN: Tensor,
    noisy_BN: Tensor,
    samples_B: Tensor | None = None,
    *,
    weights: Weights,
    compression: float = 0.3,
    ceiling_db: float = 30.0,
    floor_db: float = -40.0,
) -> Tensor:
    """Mean over the batch of the weighted distances of each item. Where there is no speech, l1 and the compressed
    spectrum compare with silence, and the energy that is left (dB) stands for the others.

    Waves are divided by the level of the noisy speech, so that soft items count as much as loud ones.
    """
    level_B1 = _level(noisy_BN, samples_B)
    output_BN, clean_BN, noisy_BN = (wav_BN.float() / level_B1 for wav_BN in (output_BN, clean_BN, noisy_BN))
    waves = (output_BN, clean_BN, samples_B)
    speech_B = (clean_BN != 0).any(1)
    loss_B = output_BN.new_zeros(output_BN.shape[0])
    if weights.l1:
        loss_B = loss_B + weights.l1 * l1(*waves)
    if weights.compressed:
        loss_B = loss_B + weights.compressed * compressed(*waves, power=compression)
    of_speech_B = torch.zeros_like(loss_B)
    if weights.si_sdr:
        of_speech_B = of_speech_B - weights.si_sdr * si_sdr(*waves, ceiling_db=ceiling_db)
    if weights.snr:
        of_speech_B = of_speech_B - weights.snr * snr(*waves, ceiling_db=ceiling_db)
    if weights.stft:
        of_speech_B = of_speech_B + weights.stft * multi_stft(*waves)
    left_B = weights.absent * absent_energy(output_BN, noisy_BN, samples_B, floor_db=floor_db)
    return (loss_B + torch.where(speech_B, of_speech_B, left_B)).mean()


def _level(wav_BN: Tensor, samples_B: Tensor | None) -> Tensor:
    """RMS of each item, (B, 1)."""
    valid_BN = valid(samples_B, wav_BN)
    square_B1 = (wav_BN.float() * valid_BN).square().sum(1, keepdim=True)
    return torch.sqrt(square_B1 / valid_BN.sum(1, keepdim=True).clamp_min(1)).clamp_min(_SOFTEST)
