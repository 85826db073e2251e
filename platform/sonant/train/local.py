"""Training in this process: no Ray, one device."""

from __future__ import annotations

import torch

from sonant.config.experiment import Experiment
from sonant.errors import EnvError
from sonant.train.execute import execute
from sonant.train.place import Place
from sonant.train.run import Result, create_run, reopen_run
from sonant.train.watching import watchers
from sonant.train.writer import Watch


def fit_local(cfg: Experiment, *, resume: str | None = None, report: Watch | None = None) -> Result:
    """Trains a config to its end; returns the run folder and the metrics of its best checkpoint.

    `resume` is a run folder to continue exactly where it was stopped. `report` gets every event as it is written, and
    takes the place of the progress line.
    """
    place = Place(_device(cfg))
    run = create_run(cfg) if resume is None else reopen_run(cfg, resume)
    with watchers(run, report) as tell:
        return execute(run, place, watch=tell)


def _device(cfg: Experiment) -> torch.device:
    if not cfg.ray.use_gpu:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise EnvError("env.cluster", "ray.use_gpu is set, but torch sees no GPU here", hint="set ray.use_gpu=false")
    return torch.device("cuda", 0)
