"""What a config will cost to run, known before it is trained."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch

from models.classify.base import Classifier, LiveClassifier
from models.enhance.base import Enhancer, LiveEnhancer
from models.extract.base import Extractor, LiveExtractor
from models.spec import create
from sonant.config.experiment import Experiment
from sonant.config.tune import TuneConfig
from sonant.measure import latency, macs, params

LATENCY, DELAY = "latency_ms", "delay_ms"
_LATENCY_RUNS = 20


def costs(cfg: Experiment, settings: TuneConfig) -> dict[str, float]:
    """params and macs_per_s as `sonant models` counts them; and, when a limit or the Pareto table asks for them,
    delay_ms and latency_ms (median, one clip of data.clip_s or mixture of a second, one CPU thread of this machine):
    measuring takes longer than counting."""
    model = create(cfg.model).eval()
    counted = macs.of_model(model, cfg.data.clip_s)
    found = {"params": float(params.of_model(model)), "macs_per_s": float(counted.network)}
    asked = {*settings.pareto, *(limit.metric for limit in settings.limits)}
    if DELAY in asked:
        found[DELAY] = _delay_ms(cfg, model)
    if LATENCY in asked:
        with _one_thread():
            found[LATENCY] = round(latency.of_model(model, cfg.data.clip_s, runs=_LATENCY_RUNS).p50_ms, 4)
    return found


def _delay_ms(cfg: Experiment, model: Classifier | Extractor | Enhancer) -> float:
    """How long a sample waits at most: a hop, and what the network waits for behind it; or for the end of the whole."""
    if isinstance(model, LiveClassifier | LiveExtractor | LiveEnhancer):
        return 1000 * (model.hop + model.latency) / model.sample_rate_hz
    if cfg.data.noisy is not None:
        return 1000 * cfg.data.noisy.item_s
    mixed_s = None if cfg.data.mixtures is None else cfg.data.mixtures.mix_s
    return 1000 * (mixed_s or cfg.data.clip_s)


@contextmanager
def _one_thread() -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
