"""What a loader of noisy speech gives to a training step."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class NoisyBatch:
    """Items padded with zeros to one length, float32 in [-1, 1]. Letters: B batch, N samples."""

    noisy_BN: Tensor
    clean_BN: Tensor
    """The speech in it; zeros where there is none."""
    samples_B: Tensor
    """Samples of each item; the others are padding."""
    snr_db_B: Tensor
    """Ratio of speech to noise while there is speech; inf: there is no noise, -inf: there is no speech."""
    row_B: Tensor
    """Number of each item among those of its side and epoch."""
    ids: tuple[str, ...]

    def __len__(self) -> int:
        return self.noisy_BN.shape[0]

    def to(self, device: torch.device | str) -> NoisyBatch:
        tensors = {f.name: value for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}
        return replace(self, **{name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()})
