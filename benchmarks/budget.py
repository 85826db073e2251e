"""Trainings that take so many seconds of CPU: of the whole process, steps and the drawing of items beside them.

A fast network learns more in them. Plans miss by some percent on a machine that others use: what was really taken is
told.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sonant.train.run import Result

Report = Callable[[dict[str, Any]], None]
PACE_STEPS = 8


class Taken(NamedTuple):
    run: str
    cpu_s: float
    wall_s: float


def steps_within(budget_s: float, train: Callable[[int, Report], Result]) -> int:
    """How many steps fit, as a training of a few tells."""
    clock: list[float] = []
    train(PACE_STEPS, lambda event: _note(event, clock, time.process_time))
    # The first is longer than others: libraries are loaded, and the queue of batches is filled.
    return max(1, round(budget_s / float(np.mean(np.diff(clock[1:])))))


def timed(train: Callable[[Report], Result]) -> Taken:
    """A training, and what it took from its start to its last step."""
    cpu: list[float] = []
    wall: list[float] = []

    def watch(event: dict[str, Any]) -> None:
        _note(event, cpu, time.process_time)
        _note(event, wall, time.monotonic)

    run = train(watch)
    return Taken(run.path, round(cpu[-1] - cpu[0], 1), round(wall[-1] - wall[0], 1))


def _note(event: dict[str, Any], clock: list[float], now: Callable[[], float]) -> None:
    """When training began, and when each window of steps was over."""
    if event["kind"] in ("start", "step"):
        clock.append(now())
