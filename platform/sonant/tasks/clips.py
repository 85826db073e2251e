"""What the tasks about whole clips share. Letters: B batch, N samples, K labels."""

from __future__ import annotations

import torch
from torch import Tensor

from sonant.audio.samples import INT16_SCALE
from sonant.data import augment
from sonant.data.batch import Batch
from sonant.losses.cross_entropy import soft_targets
from sonant.tasks.task import Inputs


def floats(batch: Batch) -> Tensor:
    """wav_BN in [-1, 1], on the batch's device."""
    return batch.wav_BN.to(torch.float32) / INT16_SCALE


def varied(batch: Batch, labels: int, smoothing: float) -> Inputs:
    """A batch to learn from: clips varied and mixed as it says, targets mixed likewise and smoothed."""
    wav_BN, target_BK, draws = floats(batch), soft_targets(batch.label_B, labels, smoothing), batch.draws
    if draws is not None:
        wav_BN = augment.apply(wav_BN, draws)
    if draws is not None and batch.mix is not None:
        wav_BN = augment.mix_waves(wav_BN, batch.mix, draws.sample_rate_hz)
        target_BK = augment.mix(target_BK, batch.mix)
    return Inputs(wav_BN, target_BK, draws and draws.masks_BM4, draws and draws.tempo_B)
