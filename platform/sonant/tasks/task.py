"""What every job kind gives to training and evaluation: one object between batches, losses and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from sonant.data.batch import Batch


@dataclass(frozen=True)
class Inputs:
    """A batch as the network takes it. Letters: B batch, N samples, K labels, M masks."""

    wav_BN: Tensor
    """float32 in [-1, 1]."""
    target_BK: Tensor
    """Each row is a distribution over the labels."""
    masks_BM4: Tensor | None
    """SpecAugment spans as fractions (f0, f1, t0, t1); None outside training."""
    tempo_B: Tensor | None = None
    """How many times as fast the features are played; None: as they are."""


class Task(Protocol):
    """batch -> inputs -> loss, and scores -> metrics."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def metric_names(self) -> tuple[str, ...]: ...

    def inputs(self, batch: Batch, *, training: bool = False) -> Inputs: ...

    def loss(self, model: nn.Module, inputs: Inputs) -> Tensor: ...

    def metrics(self, logits_NK: NDArray[np.floating], label_N: NDArray[np.integer]) -> dict[str, float]: ...
