"""[ray] Searches a space: Ray Tune runs the trials, Optuna or a population says which, sweep.json remembers.

Ray's own notes (<sweep>/ray, pickles among them) are never read again. Continuing a search tells sampler and scheduler
what sweep.json and the trials' events hold, and hands unfinished trials out first; each goes on from its own run's last
checkpoint. So do the trainings with other seeds that follow the search (`tune.confirm`).
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from ray import tune
from ray.tune.experiment import Trial as RayTrial
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, PopulationBasedTraining, TrialScheduler
from ray.tune.search import Searcher

from sonant.cluster.session import connect
from sonant.config.experiment import Experiment
from sonant.config.tune import Asha, Choice, Pbt
from sonant.errors import ConfigError, RunError
from sonant.track import files
from sonant.track.events import history, read
from sonant.tune import report
from sonant.tune.points import Points
from sonant.tune.rows import Repeat, Row, Trial
from sonant.tune.space import mutate
from sonant.tune.sweep import Sweep, create_sweep, reopen_sweep
from sonant.tune.trial import OBJECTIVE, run_trial

_POINTER = "snapshot.json"
_QUIET = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # Ray's own loggers would write every result a second and third time
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output engine prints tables even when it is told not to
}

Ended = Callable[[Sweep, Row], None]
"""Is told of each trial that has ended, and of each training with another seed."""
Judge = Callable[[int, Mapping[str, float] | None], None]
"""Takes metrics and costs of a trial that has ended; None when it has none."""


@dataclass(frozen=True)
class SweepResult:
    """What a search hands back."""

    path: str
    """The sweep folder."""
    best_run: str
    """Run folder of the winner; where its config was trained with other seeds, of the best of these on validation."""
    best: dict[str, Any]
    """The winner: its number, point, costs, and metrics as a single trial."""
    table: list[dict[str, Any]]
    """All trials, as in sweep.json."""
    confirmed: list[dict[str, Any]]
    """What was trained with other seeds, the best mean first: trial, objective in the search, of each seed, mean and
    deviation, and means of all metrics."""


def search(cfg: Experiment, *, resume: str | None = None, ended: Ended | None = None) -> SweepResult:
    """Runs a search to its end. `resume` is a sweep folder to continue; with a larger tune.trials, it goes on for more.

    `ended` takes the place of the line on stderr that each trial gets.
    """
    if cfg.ray.num_workers > 1:
        hint = "set ray.num_workers=1: a search uses many CPUs or GPUs by running many trials at once"
        raise ConfigError("config.invalid", f"ray.num_workers = {cfg.ray.num_workers} in a search", hint=hint)
    sweep = create_sweep(cfg) if resume is None else reopen_sweep(cfg, resume)
    points = Points(sweep)
    if points.left or sweep.left():
        with connect(cfg.ray):
            if points.left:
                _run_trials(sweep, points, ended or _say)
            if not points.left and sweep.left():
                _run_repeats(sweep, ended or _say)
    if points.left or sweep.under_way:
        raise RunError("run.failed", "the search was stopped", hint=f"go on with --resume {sweep.path}")
    return result(sweep)


def result(sweep: Sweep) -> SweepResult:
    """The winner of a sweep, and its table."""
    winner = sweep.winner()
    if winner is None:
        raise RunError("run.failed", report.no_winner(sweep), hint=f"see {sweep.path}/sweep.json")
    rows = [sweep.trials[number].model_dump(mode="json") for number in sorted(sweep.trials)]
    best = sweep.trials[winner.number].model_dump(mode="json", exclude={"note"})
    return SweepResult(sweep.path, winner.run, best, rows, report.confirmed(sweep))


def _run_trials(sweep: Sweep, points: Points, ended: Ended) -> None:
    settings, judge = sweep.settings, points.judge
    if isinstance(settings.scheduler, Pbt):
        jobs = [_job(points.next()) for _ in range(points.left)]
        _fit(sweep, Book(sweep, ended, judge), jobs=jobs, scheduler=scheduler(sweep))
    else:
        suggest = Suggest(points, settings.mode)
        _fit(sweep, Book(sweep, ended, judge), search_alg=suggest, num_samples=points.left, scheduler=scheduler(sweep))


def _run_repeats(sweep: Sweep, ended: Ended) -> None:
    """Trains the best configs with other seeds; those that were under way or failed go on where they were."""
    left = sweep.left()
    sweep.begin(left)
    jobs = [_job(sweep.trials[number], seed) for number, seed in left]
    _fit(sweep, Book(sweep, ended), jobs=jobs, scheduler=FIFOScheduler())


def _fit(sweep: Sweep, book: Book, *, jobs: list[dict[str, Any]] | None = None, **how: Any) -> None:
    """Runs jobs, or those that a searcher thinks of, all on one cluster, as many at once as may be."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    ray_cfg = sweep.config.ray
    known = {} if jobs is None else {"job": tune.grid_search(jobs)}
    _forget(sweep)
    tune.Tuner(
        tune.with_resources(_train, {"cpu": ray_cfg.cpus_per_worker, "gpu": int(ray_cfg.use_gpu)}),
        param_space={"sweep": sweep.path, **known},
        tune_config=tune.TuneConfig(
            max_concurrent_trials=sweep.settings.concurrent,
            reuse_actors=True,  # a new process takes seconds to import torch
            **how,
        ),
        run_config=tune.RunConfig(
            name="ray",
            storage_path=sweep.path,
            failure_config=tune.FailureConfig(max_failures=ray_cfg.max_failures),
            callbacks=[book],
            verbose=0,
        ),
    ).fit()
    _forget(sweep)


def _train(config: dict[str, Any]) -> None:
    """What a trial's process runs."""
    given = tune.get_checkpoint()
    start: str | None = None
    if given is not None:
        with given.as_directory() as folder:
            start = json.loads((Path(folder) / _POINTER).read_text())["snapshot"]
    job = config["job"]
    run_trial(config["sweep"], job["number"], job["point"], _tell, start=start, seed=job["seed"])


def _tell(standing: dict[str, Any], snapshot: str | None) -> None:
    """Passes a trial's standing on. What Ray takes for a checkpoint is a note of where ours is."""
    if snapshot is None:
        tune.report(standing)
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / _POINTER).write_text(json.dumps({"snapshot": snapshot}))
        tune.report(standing, checkpoint=tune.Checkpoint.from_directory(folder))


class Suggest(Searcher):
    """Hands points to Ray Tune, and results back."""

    def __init__(self, points: Points, mode: str) -> None:
        super().__init__(metric=OBJECTIVE, mode=mode)
        self._points = points

    def suggest(self, trial_id: str) -> dict[str, Any]:
        return {"job": _job(self._points.next())}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing to do: the book has it."""

    def save(self, checkpoint_path: str) -> None:
        """Ray asks for this; sweep.json holds all there is."""
        Path(checkpoint_path).touch()


class Book(tune.Callback):
    """Keeps the sweep's table while trials run, or their configs with other seeds."""

    def __init__(self, sweep: Sweep, ended: Ended, judge: Judge | None = None) -> None:
        self._sweep, self._ended, self._judge = sweep, ended, judge

    def on_trial_result(
        self, iteration: int, trials: list[RayTrial], trial: RayTrial, result: dict[str, Any], **info: Any
    ) -> None:
        self._enter(trial, result, "running")

    def on_trial_complete(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        last = trial.last_result
        self._end(self._enter(trial, last, "stopped" if last["state"] == "running" else last["state"]))

    def on_trial_error(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        words = str(trial.get_error() or "its process was lost").strip().splitlines()
        self._end(self._row(trial).model_copy(update={"state": "failed", "note": words[-1]}))

    def _row(self, trial: RayTrial) -> Row:
        number, seed = _number(trial), trial.config["job"]["seed"]
        return self._sweep.trials[number] if seed is None else self._sweep.repeats[number, seed]

    def _enter(self, trial: RayTrial, result: dict[str, Any], state: str) -> Row:
        row = self._row(trial)
        news = {
            "state": state,
            "metrics": {name: value for name, value in result["metrics"].items() if not math.isnan(value)},
            "epochs": result["epochs"],
            "seconds": result["seconds"],
            "note": result.get("note", ""),
        }
        if isinstance(row, Trial):
            news["point"] = trial.config["job"]["point"]  # a population changes it
        row = row.model_copy(update=news)
        self._sweep.record(row)
        return row

    def _end(self, row: Row) -> None:
        self._sweep.record(row)
        if self._judge is not None and isinstance(row, Trial):
            self._judge(row.number, row.values if row.state != "failed" else None)
        self._ended(self._sweep, row)


class Population(PopulationBasedTraining):
    """Ray's population based training over our points: a trial takes another's weights and point, and stays itself."""

    def __init__(self, sweep: Sweep, settings: Pbt) -> None:
        rng = np.random.default_rng(sweep.settings.seed)

        def explore(config: dict[str, Any]) -> dict[str, Any]:
            point = mutate(sweep.settings.space, config["job"]["point"], settings.mutate, rng)
            return {**config, "job": {**config["job"], "point": point}}

        super().__init__(
            time_attr="epochs",
            metric=OBJECTIVE,
            mode=sweep.settings.mode,
            perturbation_interval=settings.every_epochs,
            custom_explore_fn=explore,
            # Asynchronously, a slow trial is sent back to a younger one's snapshot again and again.
            synch=True,
            log_config=False,
        )

    def _get_new_config(self, trial: RayTrial, trial_to_clone: RayTrial) -> tuple[dict[str, Any], dict[str, Any]]:
        config, operations = super()._get_new_config(trial, trial_to_clone)
        return {**config, "job": {**config["job"], "number": _number(trial)}}, operations


def scheduler(sweep: Sweep) -> TrialScheduler:
    """The scheduler of a sweep, told of what its earlier trials reached."""
    settings = sweep.settings.scheduler
    if isinstance(settings, Pbt):
        return Population(sweep, settings)
    if not isinstance(settings, Asha):
        return FIFOScheduler()
    longest = _longest(sweep)
    asha = AsyncHyperBandScheduler(
        time_attr="epochs",
        metric=OBJECTIVE,
        mode=sweep.settings.mode,
        max_t=longest,
        grace_period=min(settings.grace_epochs, longest),
        reduction_factor=settings.reduction,
        stop_last_trials=False,  # the last epoch is followed by the judgement on the test set
    )
    for trial in sweep.trials.values():
        if trial.state in {"done", "stopped"}:
            stand_in = cast(RayTrial, SimpleNamespace(trial_id=f"earlier-{trial.number}"))
            asha.on_trial_add(cast(Any, None), stand_in)
            for epoch, value in _curve(sweep.run(trial.number), sweep.settings.metric):
                asha.on_trial_result(cast(Any, None), stand_in, {"epochs": epoch, OBJECTIVE: value})
    return asha


def _curve(run: str, metric: str) -> list[tuple[int, float]]:
    """The best value of the objective up to each epoch of a run."""
    curve: list[tuple[int, float]] = []
    for event in history(read(run)):
        if event["kind"] == "epoch":
            value = event["metrics"][metric] if event["best"] else curve[-1][1]
            curve.append((event["epoch"], math.nan if value is None else value))
    return curve


def _longest(sweep: Sweep) -> int:
    """Epochs of the longest trial that the space allows."""
    dimension = sweep.settings.space.get("train.epochs")
    if dimension is None:
        return sweep.config.train.epochs
    return int(max(dimension.values) if isinstance(dimension, Choice) else dimension.high)


def _job(trial: Trial, seed: int | None = None) -> dict[str, Any]:
    return {"number": trial.number, "point": trial.point, "seed": seed}


def _number(trial: RayTrial) -> int:
    return cast(int, trial.config["job"]["number"])


def _forget(sweep: Sweep) -> None:
    """Removes Ray's notes of an earlier sitting, or of this one when it is over."""
    filesystem, inner = files.filesystem(files.join(sweep.path, "ray"))
    if filesystem.exists(inner):
        filesystem.rm(inner, recursive=True)


def _say(sweep: Sweep, row: Row) -> None:
    sys.stderr.write((report.again(sweep, row) if isinstance(row, Repeat) else report.line(sweep, row)) + "\n")
    sys.stderr.flush()
