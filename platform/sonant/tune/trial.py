"""What a trial does: an ordinary local run in the sweep's folder, that tells the search how it stands after each epoch.

A trial that is started again goes on from its run's last checkpoint. In population based training it may be told to go
on from a snapshot of another trial instead, with a point that has changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sonant.config.experiment import Experiment
from sonant.config.load import dump
from sonant.errors import SonantError
from sonant.track import environment, files
from sonant.track.events import Event, history, read
from sonant.train import checkpoint
from sonant.train.local import fit_local
from sonant.train.run import Run, resolve
from sonant.tune.confirm import reseeded
from sonant.tune.space import Point, apply
from sonant.tune.sweep import open_sweep

OBJECTIVE = "objective"
"""Name under which the best value of the objective so far is told, NaN while there is none."""

_KEPT_SNAPSHOTS = 3

Tell = Callable[[dict[str, Any], str | None], None]
"""Takes how a trial stands, and the snapshot that was made of it, if one was."""


def run_trial(
    sweep_url: str, number: int, point: Point, tell: Tell, *, start: str | None = None, seed: int | None = None
) -> None:
    """Trains a point to its end. `start`: a snapshot that takes the place of the trial's own last checkpoint; `seed`:
    one that takes the place of the config's, judged on the same speakers and items, in a run folder of its own.

    A user's mistake or a loss that diverges ends the trial, not the search: it is told with state "failed".
    """
    sweep = open_sweep(sweep_url)
    cfg = apply(sweep.base, point)
    cfg = resolve(cfg if seed is None else reseeded(cfg, seed))
    run = Run(sweep.run(number, seed), cfg)
    files.write_json(files.join(run.path, "environment.json"), environment.collect(cfg.seed))
    files.write_bytes(files.join(run.path, "config.yaml"), dump(cfg).encode())
    if start is not None:
        for which in ("best", "last"):
            checkpoint.save(run.checkpoint(which), checkpoint.load(files.join(start, which)))
    scheduler = sweep.settings.scheduler
    standing = Standing(run, cfg, tell, snapshot_every=scheduler.every_epochs if scheduler.kind == "pbt" else None)
    try:
        fit_local(cfg, resume=run.path, report=standing)
    except SonantError as error:
        tell({**standing.told(), "state": "failed", "note": error.message, OBJECTIVE: math.nan}, None)
    else:
        tell({**standing.told(), "state": "done"}, None)


@dataclass
class Standing:
    """Follows a run's events. An epoch is told when its checkpoint is written: a trial that is stopped then loses
    nothing."""

    run: Run
    cfg: Experiment
    tell: Tell
    snapshot_every: int | None = None
    metrics: dict[str, float] = field(default_factory=dict[str, float])
    epochs: int = 0
    step: int = -1
    seconds: float = 0.0

    def __call__(self, event: Event) -> None:
        match event["kind"]:
            case "start":
                self._recall()
            case "epoch":
                self._add(event)
            case "checkpoint" if event["which"] == "last" and event["step"] == self.step:
                self.tell(self.told(), self._snapshot())
            case _:
                pass

    def told(self) -> dict[str, Any]:
        return {
            "state": "running",
            "epochs": self.epochs,
            "seconds": round(self.seconds, 3),
            "metrics": self.metrics,
            OBJECTIVE: self.metrics.get(self.cfg.train.metric, math.nan),
        }

    def _recall(self) -> None:
        """What a run that goes on had reached; what it will do again is not in its history."""
        self.metrics, self.epochs, self.seconds = {}, 0, 0.0
        for event in history(read(self.run.path)):
            if event["kind"] == "epoch":
                self._add(event)

    def _add(self, epoch: Event) -> None:
        self.epochs, self.step = epoch["epoch"], epoch["step"]
        self.seconds += epoch["seconds"]
        if epoch["best"]:
            self.metrics = {name: math.nan if value is None else value for name, value in epoch["metrics"].items()}

    def _snapshot(self) -> str | None:
        """A copy of both checkpoints that stays as it is while this trial goes on; the oldest copies are removed."""
        if self.snapshot_every is None or self.epochs % self.snapshot_every:
            return None
        place = files.join(self.run.path, "population")
        made = files.join(place, str(self.epochs))
        for which in ("best", "last"):
            checkpoint.save(files.join(made, which), checkpoint.load(self.run.checkpoint(which)))
        filesystem, inner = files.filesystem(place)
        names = sorted(path.rstrip("/").rpartition("/")[2] for path in filesystem.ls(inner, detail=False))
        for old in sorted(names, key=int)[:-_KEPT_SNAPSHOTS]:
            filesystem.rm(f"{inner}/{old}", recursive=True)
        return made
