"""Tasks: what a batch means for a job kind. `create` is the only door."""

from __future__ import annotations

from collections.abc import Sequence

from sonant.config.task import TaskConfig
from sonant.tasks.classify import Classify
from sonant.tasks.task import Inputs, Task

__all__ = ["Inputs", "Task", "create"]


def create(cfg: TaskConfig, labels: tuple[str, ...], label_counts: Sequence[int]) -> Task:
    """The task that a config describes; `label_counts` are the training clips of each label."""
    return Classify(cfg, labels, label_counts)
