"""Scores of a network over a whole split, shared out over all workers and merged so that each clip counts once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.train.place import Place, gather_rows

if TYPE_CHECKING:
    from sonant.tasks.task import AnyTask, Batches


@dataclass(frozen=True)
class Scored:
    """Outputs for N clips, or the frames of recordings one after another, in the order of their rows in the corpus: the
    same whatever number of workers made them."""

    row_N: NDArray[np.int64]
    label_N: NDArray[np.int64]
    """Of frames [N, K]: 1 where the label is heard."""
    logits_NK: NDArray[np.float32]


def evaluate(model: nn.Module, task: AnyTask, loader: Batches[Any], place: Place) -> Scored:
    """Runs the model in float32, as it is exported, over this rank's share, and joins all ranks' outputs."""
    was_training = model.training
    model.eval()
    scored = score(model, task, loader, place)
    model.train(was_training)
    return scored


@torch.no_grad()
def score(network: Any, task: AnyTask, loader: Batches[Any], place: Place) -> Scored:
    """`evaluate` of anything that makes logits of waves."""
    share: list[list[Tensor]] = [[], [], [], []]
    for batch in loader.epoch(0):
        scores = task.score(network, batch.to(place.device))
        for parts, part in zip(share, (batch.row_B, *scores), strict=True):
            parts.append(part.float().cpu() if part.is_floating_point() else part.long().cpu())
    seen_N, row_N, label_N, logits_NK = (
        gather_rows(part.to(place.device), place).cpu().numpy() for part in _joined(share, task, place)
    )
    order = np.argsort(row_N, kind="stable")
    assert len(np.unique(seen_N)) == len(seen_N), "the loaders of two ranks hold the same clip"
    return Scored(row_N[order], label_N[order], logits_NK[order])


def _joined(share: list[list[Tensor]], task: AnyTask, place: Place) -> list[Tensor]:
    """The parts of each tensor as one; a rank without clips has empty ones of the right shape."""
    width = torch.tensor([share[-1][0].shape[-1] if share[-1] else 0], device=place.device)
    widest = int(gather_rows(width, place).max())
    if share[0]:
        return [torch.cat(parts) for parts in share]
    nothing = torch.zeros(0, dtype=torch.long)
    label_N = nothing.reshape(0, len(task.labels)) if task.of_frames else nothing
    return [nothing, nothing, label_N, torch.zeros(0, widest)]
