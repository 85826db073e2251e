"""What a loader of noisy speech gives to a training step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from sonant.data.noisy.items import Item
from sonant.data.recipes.padded import padded


@dataclass(frozen=True)
class NoisyBatch:
    """Items padded with zeros to one length, float32 in [-1, 1]. Letters: B batch, N samples."""

    noisy_BN: Tensor
    clean_BN: Tensor
    """The speech in it; zeros where there is none."""
    samples_B: Tensor
    """Samples of each item; the others are padding."""
    snr_db_B: Tensor
    """Ratio of speech to noise while there is speech; inf: no noise, -inf: no speech, NaN: unknown."""
    row_B: Tensor
    """Number of each item among those of its side and epoch."""
    ids: tuple[str, ...]

    def __len__(self) -> int:
        return self.noisy_BN.shape[0]

    def to(self, device: torch.device | str) -> NoisyBatch:
        tensors = {f.name: value for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}
        return replace(self, **{name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()})


def collate(items: Sequence[Item], numbers: Sequence[int] | None = None, window: int | None = None) -> NoisyBatch:
    """A batch as long as its longest item, or as `window`: of one shape in all batches. Without `numbers`, its items
    are the first ones."""
    samples = [item.noisy_N.size for item in items]
    length = max([*samples, window or 0])
    return NoisyBatch(
        noisy_BN=padded([item.noisy_N for item in items], length),
        clean_BN=padded([item.clean_N for item in items], length),
        samples_B=torch.tensor(samples),
        snr_db_B=torch.tensor([item.snr_db for item in items], dtype=torch.float32),
        row_B=torch.tensor(range(len(items)) if numbers is None else numbers),
        ids=tuple(item.id for item in items),
    )
