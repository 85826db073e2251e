"""What follows from the kind of a task: the object that does it, its labels, its frames."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from models.classify.base import Classifier
from sonant.config.experiment import Experiment
from sonant.config.task import DetectTask, EmbedTask, EnhanceTask, ExtractTask, TaskConfig
from sonant.data.corpus import Corpus
from sonant.data.split import split
from sonant.data.targets import FrameGrid, labels_of
from sonant.errors import ConfigError
from sonant.runtime.frames import FrameLayout
from sonant.tasks.classify import Classify
from sonant.tasks.detect import Detect
from sonant.tasks.embed import Embed
from sonant.tasks.enhance import Enhance
from sonant.tasks.extract import Extract
from sonant.tasks.task import AnyTask


def create(
    cfg: TaskConfig, labels: tuple[str, ...], label_counts: Sequence[int], grid: FrameGrid | None = None
) -> AnyTask:
    """The task that a config describes; `label_counts` are the training clips of each label, `grid` are the frames of
    the network where the task is about frames."""
    if isinstance(cfg, DetectTask):
        return Detect(cfg, labels, grid)
    if isinstance(cfg, EmbedTask):
        return Embed(cfg, labels)
    if isinstance(cfg, ExtractTask):
        return Extract(cfg, labels)
    if isinstance(cfg, EnhanceTask):
        return Enhance(cfg)
    return Classify(cfg, labels, label_counts)


def grid(cfg: Experiment, labels: tuple[str, ...], model: nn.Module) -> FrameGrid | None:
    """The frames that the network of an experiment answers at; None where it answers about whole clips."""
    task = cfg.task
    if not isinstance(model, Classifier):
        return None
    if not isinstance(task, DetectTask):
        if model.framewise:
            raise ConfigError("config.invalid", f"model.head.kind=framewise does not fit task.kind={task.kind}")
        return None
    if not model.framewise:
        hint = "set model.head.kind=framewise"
        raise ConfigError(
            "config.invalid", f"task.kind=detect wants frames, the head is {cfg.classifier.head.kind}", hint=hint
        )
    if (augment := cfg.data.augment) is not None:
        for name in ("speed", "tempo", "context_p", "mixup_p"):
            if getattr(augment, name):
                told = f"data.augment.{name} moves sound away from its spans"
                raise ConfigError("config.invalid", told, hint=f"set data.augment.{name}=0 for task.kind=detect")
    layout = FrameLayout.of(
        model.frame,
        model.sample_rate_hz,
        delay_ms=task.delay_ms,
        causal=cfg.classifier.causal,
        window_s=task.window_s,
        context_s=task.context_s,
    )
    return FrameGrid(layout, labels, model.sample_rate_hz)


def identity(cfg: TaskConfig) -> str | None:
    """The column of the corpus by which recordings are compared, where validation may have others than training."""
    return cfg.target if isinstance(cfg, EmbedTask) else None


def known_labels(cfg: Experiment, corpus: Corpus) -> tuple[str, ...]:
    """The labels that a corpus has for the task of an experiment: what training can tell apart."""
    if isinstance(cfg.task, ExtractTask):
        return _of_training(cfg, corpus, "speaker") if cfg.task.speaker_weight else ()
    if isinstance(cfg.task, EnhanceTask):
        return ()
    if isinstance(cfg.task, EmbedTask):
        return _of_training(cfg, corpus, cfg.task.target)
    return labels_of(corpus) if isinstance(cfg.task, DetectTask) else corpus.labels


def _of_training(cfg: Experiment, corpus: Corpus, name: str) -> tuple[str, ...]:
    """The values of a column among the training rows."""
    column = corpus.column(name)
    return tuple(sorted({column[row] for row in split(corpus, cfg.data.split, cfg.seed).train.tolist()} - {""}))
