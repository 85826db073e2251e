"""What the loader gives to a training step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sonant.data.augment import Draws, Mix


@dataclass(frozen=True)
class Batch:
    """Clips as they lie in the corpus, placed in windows of equal length; floats and variation come on the device."""

    wav_BN: Tensor
    """int16 samples."""
    length_B: Tensor
    """Samples of each window that belong to the clip; the others are zeros, or another clip before it."""
    label_B: Tensor
    """Number of the label."""
    row_B: Tensor
    """Row of the corpus."""
    draws: Draws | None = None
    """How `augment.apply` varies the clips; None: not at all."""
    mix: Mix | None = None
    """How `augment.mix` blends them; None: not at all."""
    target_BTK: Tensor | None = None
    """What is heard at each frame, 0 or 1; None: clips have one label."""

    def __len__(self) -> int:
        return self.wav_BN.shape[0]

    def to(self, device: torch.device | str) -> Batch:
        return Batch(
            *(
                tensor.to(device, non_blocking=True)
                for tensor in (self.wav_BN, self.length_B, self.label_B, self.row_B)
            ),
            draws=self.draws and self.draws.to(device),
            mix=self.mix and self.mix.to(device),
            target_BTK=None if self.target_BTK is None else self.target_BTK.to(device, non_blocking=True),
        )
