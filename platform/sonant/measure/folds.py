"""How good is a config on speakers it has never heard? One training for each fold of speakers; every clip is judged
once, by the network that knows nobody of its fold.

<out>/
    folds.json            summary: every fold, mean and deviation over folds, and all clips together
    confusion.json, confusion.png, predictions.parquet, metrics.json     all clips together, as `sonant evaluate --out`
                          writes them
    report.html
    <name>/<id>/          the runs
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sonant import tasks
from sonant.config.experiment import Experiment
from sonant.config.load import check
from sonant.data.corpus import Corpus
from sonant.data.folds import speaker_folds
from sonant.measure.evaluate import Evaluation, judge
from sonant.metrics.calibration import temperature
from sonant.track import files
from sonant.track.folds_page import FILE
from sonant.track.report import report
from sonant.train.evaluate import Scored
from sonant.train.local import fit_local
from sonant.train.run import Result, resolve

SPLIT = "folds"


@dataclass(frozen=True)
class Fold:
    """One training, judged on the speakers that were held out of it."""

    speakers: tuple[str, ...]
    judged: Evaluation
    temperature: float
    """Fitted on the validation clips, which are other speakers again."""

    def summary(self) -> dict[str, Any]:
        return {
            "speakers": list(self.speakers),
            "run": self.judged.model,
            "clips": len(self.judged.scored.row_N),
            "temperature": self.temperature,
            "metrics": self.judged.metrics,
        }


def evaluate_folds(
    cfg: Experiment, count: int, *, out: str | None = None, fit: Callable[[Experiment], Result] = fit_local
) -> dict[str, Any]:
    """Trains a config `count` times, each time without another group of speakers; gives the summary and writes it.

    `data.split` only tells how validation clips are drawn from the other speakers. Everything is written anew after
    each fold, so that a long evaluation can be looked at while it goes on.
    """
    config = resolve(cfg)
    labels = config.data.labels
    assert labels is not None, "a resolved config has labels"
    corpus = Corpus.open(config.data.corpus)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    folder = files.absolute(out or files.join(config.track.runs, config.name, f"folds-{stamp}"))
    done: list[Fold] = []
    found: dict[str, Any] = {}
    for speakers in speaker_folds(corpus, labels, count, config.seed):
        run = fit(without(config, speakers, folder)).path
        known = judge(run, split="validation")
        fitted = temperature(known.scored.logits_NK, known.scored.label_N, known.link)
        done.append(Fold(speakers, judge(run), fitted))
        found = _write(folder, config, done, count)
    return found


def without(config: Experiment, speakers: Sequence[str], folder: str) -> Experiment:
    """The config with these speakers as its test set, and its run below `folder`."""
    data = config.model_dump(mode="json")
    data["data"]["split"] |= {"kind": "leave_out", "speakers": list(speakers)}
    data["track"]["runs"] = folder
    return check(Experiment, data)


def _write(folder: str, config: Experiment, done: Sequence[Fold], count: int) -> dict[str, Any]:
    pooled = _pool(folder, config, done)
    pooled.write(folder)
    names = done[0].judged.metrics
    over = {name: [fold.judged.metrics[name] for fold in done] for name in names}
    found = {
        "name": config.name,
        "folder": folder,
        "count": count,
        **{key: value for key, value in pooled.summary().items() if key not in ("model", "split")},
        "mean": {name: float(np.mean(values)) for name, values in over.items()},
        "deviation": {name: float(np.std(values)) for name, values in over.items()},
        "folds": [fold.summary() for fold in done],
    }
    files.write_json(files.join(folder, FILE), found)
    report(folder)
    return found


def _pool(folder: str, config: Experiment, done: Sequence[Fold]) -> Evaluation:
    """The held-out clips of all folds as one evaluation, each with the temperature of its own network."""
    first = done[0].judged
    parts = [fold.judged.scored for fold in done]
    row_N, label_N, logits_NK = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("row_N", "label_N", "logits_NK")
    )
    temperature_N1 = np.repeat([[fold.temperature] for fold in done], [len(part.row_N) for part in parts], axis=0)
    order = np.argsort(row_N, kind="stable")
    scored = Scored(row_N[order], label_N[order], logits_NK[order])
    metrics = tasks.create(config.task, first.labels, [1] * len(first.labels)).metrics(scored.logits_NK, scored.label_N)
    return Evaluation(folder, first.labels, first.corpus, SPLIT, scored, metrics, first.link, temperature_N1[order])
