"""The stretch of steps between two reports: loss, pace, and how long the data kept us waiting."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch

from sonant.errors import RunError
from sonant.train.place import Place, total
from sonant.train.progress import Progress

B = TypeVar("B")
Report = Callable[[dict[str, Any]], None]


class Window:
    """Sums stay on the device until the window closes: reading them would make the loop wait at each step."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._clear()

    def _clear(self) -> None:
        self._loss_sum = torch.zeros((), device=self._device)
        self._grad_norm = torch.zeros((), device=self._device)
        self._steps = 0
        self._waited_s = 0.0
        self._began = time.perf_counter()

    def waiting(self, batches: Iterator[B]) -> Iterator[B]:
        """Passes batches on and adds up how long each was waited for."""
        asked = time.perf_counter()
        for batch in batches:
            self._waited_s += time.perf_counter() - asked
            yield batch
            asked = time.perf_counter()

    def add(self, loss: torch.Tensor, grad_norm: torch.Tensor) -> None:
        self._loss_sum += loss.detach()
        self._grad_norm = grad_norm
        self._steps += 1

    def close(self, progress: Progress, place: Place, lr: float, report: Report) -> tuple[float, float]:
        """Reports the window and begins the next; the sum of the losses and the steps in it, over all workers.

        When the loss is no longer a number, that is run.diverged, on every worker at the same step.
        """
        sums = torch.stack([self._loss_sum.double(), self._loss_sum.new_tensor(self._steps).double()])
        loss_sum, steps = total(sums, place).tolist()
        seconds = time.perf_counter() - self._began
        report(
            {
                "kind": "step",
                "epoch": progress.epoch + 1,
                "step": progress.step,
                "loss": loss_sum / steps,
                "lr": lr,
                "grad_norm": float(self._grad_norm),
                "data_share": round(self._waited_s / seconds, 4),
                "steps_per_s": round(self._steps / seconds, 3),
            }
        )
        if not math.isfinite(loss_sum):
            raise RunError("run.diverged", f"the loss is {loss_sum / steps} at step {progress.step}")
        self._clear()
        return loss_sum, steps
