"""Where training stands: the counters that a checkpoint holds, and what the end of an epoch does to them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sonant.config.train import Plateau, TrainConfig


@dataclass(frozen=True)
class Progress:
    """Plain values only; `epoch` counts epochs that are over, validation included."""

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    """Of the training losses in this epoch, over all workers."""
    loss_count: float = 0.0
    best: dict[str, float] | None = None
    """Validation metrics of the best epoch so far."""
    best_epoch: int = 0
    stale: int = 0
    """Epochs since the best one."""
    waited: int = 0
    """Epochs without improvement since the rate was last lowered."""
    reductions: int = 0
    """Times that a plateau has lowered the rate."""


def with_losses(progress: Progress, loss_sum: float, count: float) -> Progress:
    """The counters behind some more steps of this epoch."""
    return replace(progress, loss_sum=progress.loss_sum + loss_sum, loss_count=progress.loss_count + count)


def improved(progress: Progress, metrics: Mapping[str, float], settings: TrainConfig) -> bool:
    """Whether an epoch's metrics are better than all before; the first epoch always is, NaN never. Where the last epoch
    is kept, each counts as better."""
    if progress.best is None or settings.keep == "last":
        return True
    value, best = metrics[settings.metric], progress.best[settings.metric]
    if math.isnan(best):
        return not math.isnan(value)
    return value > best if settings.mode == "max" else value < best


def after_epoch(progress: Progress, metrics: Mapping[str, float], settings: TrainConfig) -> Progress:
    """The counters behind an epoch with these validation metrics."""
    done = replace(progress, epoch=progress.epoch + 1, loss_sum=0.0, loss_count=0.0)
    if improved(progress, metrics, settings):
        return replace(done, best=dict(metrics), best_epoch=done.epoch, stale=0, waited=0)
    done = replace(done, stale=progress.stale + 1, waited=progress.waited + 1)
    if isinstance(settings.schedule, Plateau) and done.waited > settings.schedule.patience_epochs:
        done = replace(done, waited=0, reductions=progress.reductions + 1)
    return done


def exhausted(progress: Progress, settings: TrainConfig) -> bool:
    """Whether early stopping ends the run."""
    return settings.patience_epochs is not None and progress.stale >= settings.patience_epochs
