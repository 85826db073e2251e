"""What every job kind gives to training and evaluation: one object between batches, losses and metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from sonant.data.batch import Batch


Network = Callable[[Tensor], Tensor]
"""wav_BN -> logits."""


@dataclass(frozen=True)
class Inputs:
    """A batch as the network takes it. Letters: B batch, N samples, K labels, M masks."""

    wav_BN: Tensor
    """float32 in [-1, 1]."""
    target_BK: Tensor
    """Each row is a distribution over the labels. Of frames: [B, T, K], 1 where the label is heard."""
    masks_BM4: Tensor | None
    """SpecAugment spans as fractions (f0, f1, t0, t1); None outside training."""


class Scores(NamedTuple):
    """A network's outputs for a batch, item by item: clips, or the frames of recordings."""

    row_N: Tensor
    """Row of the corpus that the item belongs to."""
    label_N: Tensor
    """Number of its label; of frames [N, K], 1 where the label is heard."""
    logits_NK: Tensor


class Task(Protocol):
    """batch -> inputs -> loss, and scores -> metrics."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def of_frames(self) -> bool:
        """Whether it judges the frames of recordings, not clips."""
        ...

    @property
    def metric_names(self) -> tuple[str, ...]: ...

    def inputs(self, batch: Batch, *, training: bool = False) -> Inputs: ...

    def loss(self, model: nn.Module, inputs: Inputs) -> Tensor: ...

    def score(self, network: Network, batch: Batch) -> Scores:
        """The outputs that `metrics` judges; `network` is one in evaluation mode, or a bundle's graph."""
        ...

    def metrics(
        self,
        logits_NK: NDArray[np.floating],
        label_N: NDArray[np.integer],
        row_N: NDArray[np.integer] | None = None,
    ) -> dict[str, float]: ...
