"""[ray] Training on a Ray cluster: workers that are lost are replaced, and the run goes on from its last checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer
from ray.train.v2.api.config import LoggingConfig
from ray.train.v2.api.exceptions import TrainingFailedError, WorkerGroupError

from sonant.cluster.session import connect
from sonant.config.experiment import Experiment
from sonant.config.ray import RayConfig
from sonant.errors import RunError, SonantError
from sonant.train.run import Result, Run, create_run, reopen_run
from sonant.train.watching import following, watchers
from sonant.train.worker import work
from sonant.train.writer import Watch


def fit(cfg: Experiment, *, resume: str | None = None, report: Watch | None = None) -> Result:
    """Trains a config with `ray.num_workers` workers; returns the run folder and the metrics of its best checkpoint.

    `resume` is a run folder to continue exactly where it was stopped. `report` gets every event, and takes the place of
    the progress line.
    """
    run = create_run(cfg) if resume is None else reopen_run(cfg, resume)
    with connect(cfg.ray), watchers(run, report) as tell, following(run, tell):
        try:
            outcome = _trainer(run, cfg.ray).fit().return_value
        except TrainingFailedError as error:
            raise _cause(error, run) from error
    if isinstance(outcome, RunError):
        raise outcome
    return cast(Result, outcome)


def _trainer(run: Run, settings: RayConfig) -> TorchTrainer:
    return TorchTrainer(
        work,
        train_loop_config={"run": run.path},
        torch_config=TorchConfig(backend="nccl" if settings.use_gpu else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=settings.num_workers,
            use_gpu=settings.use_gpu,
            resources_per_worker={"CPU": settings.cpus_per_worker} | ({"GPU": 1} if settings.use_gpu else {}),
        ),
        run_config=RunConfig(
            name="ray",  # Ray keeps its own notes inside the run folder
            storage_path=run.path,
            failure_config=FailureConfig(max_failures=settings.max_failures),
            logging_config=LoggingConfig(log_level="ERROR"),
        ),
    )


def _cause(error: TrainingFailedError, run: Run) -> SonantError:
    """The user's mistake behind a failure where there is one, otherwise what the first worker said."""
    failures = list(error.worker_failures.values()) if isinstance(error, WorkerGroupError) else []
    for cause in (cause for failure in failures for cause in _chain(failure)):
        if isinstance(cause, SonantError):
            return cause
    words = str(failures[0] if failures else error).strip().splitlines()
    return RunError("run.failed", f"{run.path}: {words[-1] if words else type(error).__name__}")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and those it wraps: Ray hides a worker's own exception inside others."""
    yield error
    for inner in (getattr(error, "cause", None), getattr(error, "_base_exc", None), error.__cause__):
        if isinstance(inner, BaseException):
            yield from _chain(inner)
