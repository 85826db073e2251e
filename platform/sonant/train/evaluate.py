"""Scores of a network over a whole split, shared out over all workers and merged so that each clip counts once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sonant.train.place import Place, gather_rows

if TYPE_CHECKING:
    from sonant.data.batch import Batch
    from sonant.tasks.task import Task


class Batches(Protocol):
    """What training needs of a loader: the batches of an epoch, the first `skip` left out."""

    @property
    def steps(self) -> int: ...

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class Scored:
    """Outputs for N clips, in the order of their rows in the corpus: the same whatever number of workers made them."""

    row_N: NDArray[np.int64]
    label_N: NDArray[np.int64]
    logits_NK: NDArray[np.float32]


@torch.no_grad()
def evaluate(model: nn.Module, task: Task, loader: Batches, place: Place) -> Scored:
    """Runs the model in float32, as it is exported, over this rank's share, and joins all ranks' outputs."""
    was_training = model.training
    model.eval()
    rows, labels = [torch.zeros(0, dtype=torch.long)], [torch.zeros(0, dtype=torch.long)]
    logits = [torch.zeros(0, len(task.labels))]
    for batch in loader.epoch(0):
        inputs = task.inputs(batch.to(place.device))
        logits.append(model(inputs.wav_BN).float().cpu())
        rows.append(batch.row_B.cpu())
        labels.append(batch.label_B.cpu())
    model.train(was_training)
    row_N, label_N, logits_NK = (
        gather_rows(torch.cat(parts).to(place.device), place).cpu().numpy() for parts in (rows, labels, logits)
    )
    order = np.argsort(row_N, kind="stable")
    assert len(np.unique(row_N)) == len(row_N), "the loaders of two ranks hold the same clip"
    return Scored(row_N[order], label_N[order], logits_NK[order])
