"""What every job kind gives to training and evaluation: one object between batches, losses and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

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
    tempo_B: Tensor | None = None
    """How many times as fast the features are played; None: as they are."""


class Scores(NamedTuple):
    """A network's outputs for a batch, item by item: clips, the frames of recordings, or mixtures."""

    row_N: Tensor
    """Row of the corpus that the item belongs to, or number of the mixture."""
    label_N: Tensor
    """Number of its label; of frames [N, K], 1 where the label is heard."""
    logits_NK: Tensor
    """Of mixtures: measures of what the network gave."""


I = TypeVar("I")  # noqa: E741
N_in = TypeVar("N_in", contravariant=True)
B_in = TypeVar("B_in", contravariant=True)
B_out = TypeVar("B_out", covariant=True)


class Batches(Protocol[B_out]):
    """What training needs of a loader: the batches of an epoch, the first `skip` left out."""

    @property
    def steps(self) -> int: ...

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[B_out]: ...


class Task(Protocol[B_in, I, N_in]):
    """batch -> inputs -> loss, and scores -> metrics."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def of_frames(self) -> bool:
        """Whether it judges the frames of recordings, not clips."""
        ...

    @property
    def metric_names(self) -> tuple[str, ...]: ...

    def inputs(self, batch: B_in, *, training: bool = False) -> I: ...

    def loss(self, model: nn.Module, inputs: I) -> Tensor: ...

    def score(self, network: N_in, batch: B_in) -> Scores:
        """The outputs that `metrics` judges; `network` is one in evaluation mode, or a bundle's graph."""
        ...

    def metrics(
        self,
        logits_NK: NDArray[np.floating],
        label_N: NDArray[np.integer],
        row_N: NDArray[np.integer] | None = None,
    ) -> dict[str, float]: ...


AnyTask = Task[Any, Any, Any]
"""Where the batches of a task go through unseen."""
