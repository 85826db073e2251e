"""[ray] What each Ray Train worker runs: `execute` at the place that Ray gave it."""

from __future__ import annotations

from typing import Any

import ray.train
import ray.train.torch

from sonant.errors import RunError
from sonant.train.execute import execute
from sonant.train.place import Place
from sonant.train.run import Result, open_run


def work(job: dict[str, Any]) -> Result | RunError:
    """Runs this worker's share of the run at job["run"]. Ray calls it again, in new processes, after a worker was lost;
    the run's last checkpoint tells where to go on.

    Divergence comes back as a value: every worker meets it at the same step, and it would only happen again.
    """
    context = ray.train.get_context()
    place = Place(ray.train.torch.get_device(), context.get_world_rank(), context.get_world_size())

    def saved(step: int) -> None:
        # The checkpoint is in the run folder already; this tells Ray that all workers are alive and in step.
        ray.train.report({"step": step})

    try:
        return execute(open_run(job["run"]), place, saved=saved)
    except RunError as error:
        if error.code != "run.diverged":
            raise
        return error
