"""One process' whole part in a run, from the corpus to the review: the same under Ray, torchrun or alone.

Every process of a run calls `execute` with its own place. Training starts at the run's last checkpoint, if there is
one: a group of processes that is started again after a crash simply goes on.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import nn

from models.classify.base import Classifier
from models.spec import create
from sonant import tasks
from sonant.data.corpus import Corpus
from sonant.data.split import Rows, split
from sonant.errors import ConfigError, DataError, SonantError
from sonant.tasks.detect import Detect
from sonant.tasks.embed import Embed
from sonant.tasks.sound import SoundTask
from sonant.tasks.task import AnyTask, Batches
from sonant.track.events import Event
from sonant.train import checkpoint, loop, review, review_frames, review_mixtures, review_vectors
from sonant.train.checkpoint import Checkpoint
from sonant.train.evaluate import Scored, evaluate
from sonant.train.examples import Examples
from sonant.train.place import Place
from sonant.train.run import Result, Run
from sonant.train.window import Report
from sonant.train.writer import Watch, Writer


def execute(
    run: Run, place: Place, *, watch: Watch | None = None, saved: Callable[[int], None] | None = None
) -> Result:
    """Trains, judges the best checkpoint on validation and test, and writes the review.

    Rank 0 writes events and checkpoints and passes each event to `watch`; `saved` is called on every rank with the step
    of each `last` checkpoint, once it is written.
    """
    cfg, began = run.config, time.monotonic()
    if cfg.train.threads is not None:
        torch.set_num_threads(cfg.train.threads)
    corpus = Corpus.open(cfg.data.corpus)
    torch.manual_seed(cfg.seed)
    model = create(cfg.model)
    rows = _split(corpus, run)
    task, loaders = tasks.opened(cfg, run.labels, model, corpus, rows, rank=place.rank, world=place.world)
    last = run.checkpoint("last")
    start = checkpoint.load(last) if checkpoint.exists(last) else None
    if start is None:
        _load_pretrained(model)
    writer = Writer(run, watch) if place.rank == 0 else None

    def report(event: Event) -> None:
        if writer is not None:
            writer.event(event)

    def save(which: str, state: Checkpoint) -> None:
        if writer is not None:
            writer.save(which, state)
        if saved is not None and which == "last":
            saved(state.state["progress"]["step"])

    report(_start_event(run, model, place, loaders["train"].steps, start))
    try:
        pair = loop.Loaders(loaders["train"], loaders["validation"])
        look = _examples(run, task, pair, place, report) if writer is not None else None
        ended = loop.train(cfg, model, task, pair, place=place, start=start, report=report, save=save, look=look)
        model.load_state_dict(checkpoint.load_weights(run.checkpoint("best")))
        scored = {name: evaluate(model, task, loader, place) for name, loader in loaders.items() if name != "train"}
        metrics = {
            name: task.metrics(outputs.logits_NK, outputs.label_N, outputs.row_N) for name, outputs in scored.items()
        }
        if "test" in scored:
            metrics["test"] |= _interval(corpus, task, loaders["test"], scored["test"])
        if writer is not None:
            _review(run, corpus, model, task, loaders, scored)
        scores = {"best": metrics["validation"], "test": metrics.get("test", {})}
        seconds = round(time.monotonic() - began, 3)
        report({"kind": "end", "status": ended.status, "step": ended.progress.step, **scores, "seconds": seconds})
        return Result(run.path, metrics)
    except SonantError as error:
        reason = {"error": error.code, "message": error.message}
        seconds = round(time.monotonic() - began, 3)
        report({"kind": "end", "status": "failed", **reason, "best": {}, "test": {}, "seconds": seconds})
        raise
    finally:
        if writer is not None:
            writer.close()


def _load_pretrained(model: nn.Module) -> None:
    if not isinstance(model, Classifier):
        return
    try:
        model.load_pretrained()
    except ValueError as error:
        raise ConfigError("config.invalid", f"model.pretrained: {error}") from error


def _split(corpus: Corpus, run: Run) -> dict[str, Rows]:
    """Rows of the splits that have any; test may be missing."""
    parts = split(corpus, run.config.data.split, run.config.seed)
    if not parts.validation.size:
        message = f"{run.config.data.corpus} has no validation clips: nothing tells which checkpoint is best"
        raise DataError("data.empty", message, hint="set data.split.validation to a share of the training clips")
    return {name: rows for name, rows in parts._asdict().items() if rows.size}


def _interval(corpus: Corpus, task: AnyTask, loader: Batches[Any], scored: Scored) -> dict[str, float]:
    if isinstance(task, SoundTask):
        return review_mixtures.improvement_interval(task, scored, review_mixtures.speakers_of(loader, scored))
    if isinstance(task, Embed):
        return review_vectors.eer_interval(task, scored)
    return review_frames.auc_interval(scored) if task.of_frames else review.accuracy_interval(corpus, scored)


def _examples(run: Run, task: AnyTask, loaders: loop.Loaders, place: Place, report: Report) -> Examples | None:
    if not isinstance(task, SoundTask):
        return None
    loader = cast(review_mixtures.Loader, loaders.validation)
    return Examples(run.path, task, loader, run.config.track, place, report)


def _review(
    run: Run,
    corpus: Corpus,
    model: nn.Module,
    task: AnyTask,
    loaders: Mapping[str, Batches[Any]],
    scored: dict[str, Scored],
) -> None:
    worst = run.config.track.worst
    if isinstance(task, SoundTask):
        sounds = cast(Mapping[str, review_mixtures.Loader], loaders)
        review_mixtures.write(run.path, model, task, sounds, scored, worst=worst)
    elif isinstance(task, Detect):
        review_frames.write(run.path, corpus, task, scored, worst=worst)
    elif isinstance(task, Embed):
        review_vectors.write(run.path, corpus, task, scored, worst=worst)
    else:
        review.write(run.path, corpus, run.labels, scored, worst=worst)


def _start_event(run: Run, model: nn.Module, place: Place, steps_per_epoch: int, start: Checkpoint | None) -> Event:
    return {
        "kind": "start",
        "name": run.config.name,
        "id": run.id,
        "params": sum(parameter.numel() for parameter in model.parameters()),
        "device": torch.cuda.get_device_name(place.device) if place.device.type == "cuda" else "cpu",
        "world": place.world,
        "steps_per_epoch": steps_per_epoch,
        "epochs": run.config.train.epochs,
        "step": start.state["progress"]["step"] if start else 0,
        "host": platform.node(),
        "pid": os.getpid(),
    }
