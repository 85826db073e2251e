"""Tasks: what a batch means for a job kind. `opened` and `create` are the only doors."""

from sonant.tasks.kinds import create, grid, identity, known_labels
from sonant.tasks.opened import Opened, opened
from sonant.tasks.task import AnyTask, Batches, Inputs, Task

__all__ = ["AnyTask", "Batches", "Inputs", "Opened", "Task", "create", "grid", "identity", "known_labels", "opened"]
