"""examples/: the same few validation items after every so many epochs, to hear how a network learns.

examples/NN-<what>.wav            what goes in and what is wanted, once
examples/NN-output-eEEE.wav       what comes out after epoch EEE
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from sonant.config.track import TrackConfig
from sonant.tasks.sound import SoundTask
from sonant.track.events import Event
from sonant.train.place import Place
from sonant.train.review_mixtures import Loader, write_waves
from sonant.train.window import Report

FOLDER = "examples"
OUTPUT = "output"


class Examples:
    """Called after each epoch with the network that was judged; writes files, and reports an event that names them:

    {"kind": "examples", "epoch": 10, "step": 500, "items": [{"id": ..., "files": {"noisy": "examples/00-noisy.wav"}}]}
    """

    def __init__(
        self, run: str, task: SoundTask, loader: Loader, settings: TrackConfig, place: Place, report: Report
    ) -> None:
        self._run, self._task, self._loader = run, task, loader
        self._every, self._place, self._report = settings.examples_every, place, report
        self._numbers = range(min(settings.examples, len(loader.items)))

    def __call__(self, epoch: int, step: int, model: nn.Module) -> None:
        """Does so after the first epoch, and after each that is a multiple of `track.examples_every`."""
        if self._numbers and (epoch == 1 or epoch % self._every == 0):
            items = [self._item(number, epoch, model) for number in self._numbers]
            event: Event = {"kind": "examples", "epoch": epoch, "step": step, "items": items}
            self._report(event)

    @torch.no_grad()
    def _item(self, number: int, epoch: int, model: nn.Module) -> dict[str, Any]:
        item, batch = self._loader.one(number)
        was_training = model.training
        model.eval()
        waves = self._task.waves(model, batch.to(self._place.device))
        model.train(was_training)
        rate_hz, start = self._loader.items.sample_rate_hz, f"{FOLDER}/{number:02d}"
        output = write_waves(self._run, start, {f"{OUTPUT}-e{epoch:03d}": waves.pop(OUTPUT)}, rate_hz)
        given = write_waves(self._run, start, waves, rate_hz)
        return {"id": item.id, "sample_rate_hz": rate_hz, "files": given | {OUTPUT: next(iter(output.values()))}}
