"""What a config will cost to run, known before it is trained."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch

from models.spec import create
from sonant.config.experiment import Experiment
from sonant.config.tune import TuneConfig
from sonant.measure import latency, macs, params

LATENCY = "latency_ms"
_LATENCY_RUNS = 20


def costs(cfg: Experiment, settings: TuneConfig) -> dict[str, float]:
    """params and macs_per_s as `sonant models` counts them, and latency_ms (median, one clip of data.clip_s or mixture
    of a second, one CPU thread of this machine) when a limit or the Pareto table asks for it: measuring takes longer
    than counting."""
    model = create(cfg.model).eval()
    counted = macs.of_model(model, cfg.data.clip_s)
    found = {"params": float(params.of_model(model)), "macs_per_s": float(counted.network)}
    if LATENCY in (*settings.pareto, *(limit.metric for limit in settings.limits)):
        with _one_thread():
            found[LATENCY] = round(latency.of_model(model, cfg.data.clip_s, runs=_LATENCY_RUNS).p50_ms, 4)
    return found


@contextmanager
def _one_thread() -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
