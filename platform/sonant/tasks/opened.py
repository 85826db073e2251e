"""A task with the batches that it is about: what training and evaluation do before a network is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import nn

from sonant.config.experiment import Experiment
from sonant.config.task import ExtractTask
from sonant.data.corpus import Corpus
from sonant.data.loader import Loader
from sonant.data.mix.loader import MixLoader
from sonant.data.mix.mixer import Mixer
from sonant.data.recipes.items import Drawn, Fixed
from sonant.data.recipes.sides import SIDES
from sonant.data.split import Rows
from sonant.data.targets import FrameGrid
from sonant.errors import ConfigError
from sonant.tasks.kinds import create, grid, identity
from sonant.tasks.task import AnyTask, Batches


class Opened(NamedTuple):
    """A task, and where its batches come from, by side of the split."""

    task: AnyTask
    loaders: Mapping[str, Batches[Any]]


def opened(
    cfg: Experiment,
    labels: tuple[str, ...],
    model: nn.Module,
    corpus: Corpus,
    rows: Mapping[str, Rows],
    *,
    training: bool = True,
    rank: int = 0,
    world: int = 1,
) -> Opened:
    """Opens some sides of a split; in training, the side `train` is shuffled and varied."""
    share = {"rank": rank, "world": world, "seed": cfg.seed}
    if isinstance(cfg.task, ExtractTask):
        mixed = {side: _mixtures(cfg, labels, corpus, side, rows[side], training, share) for side in rows}
        return Opened(create(cfg.task, labels, ()), mixed)
    frames = grid(cfg, labels, model)
    clips = {
        side: _clips(cfg, labels, corpus, rows[side], training and side == "train", frames, share) for side in rows
    }
    first = clips["train" if "train" in clips else next(iter(clips))]
    return Opened(create(cfg.task, labels, first.label_counts, frames), clips)


def _clips(
    cfg: Experiment,
    labels: tuple[str, ...],
    corpus: Corpus,
    rows: Rows,
    training: bool,
    frames: FrameGrid | None,
    share: Mapping[str, int],
) -> Loader:
    who = identity(cfg.task)
    return Loader(corpus, rows, labels, cfg.data, training=training, grid=frames, identity=who, **share)


def _mixtures(
    cfg: Experiment,
    speakers: tuple[str, ...],
    corpus: Corpus,
    side: str,
    rows: Rows,
    training: bool,
    share: Mapping[str, int],
) -> MixLoader:
    mixtures = cfg.data.mixtures
    assert mixtures is not None, "the config has been checked"
    if side not in SIDES:
        told = f"mixtures are of one side of the split, not of {side!r}"
        raise ConfigError("config.invalid", told, hint=f"choose one of {', '.join(SIDES)}")
    varied = training and side == "train"
    counts = {"train": mixtures.items, "validation": mixtures.validation_items, "test": mixtures.test_items}
    mixer = Mixer(corpus, rows, mixtures, split=side, seed=cfg.seed)
    items = Drawn(mixer, counts[side]) if varied else Fixed.drawn(mixer, counts[side])
    batch_size, ahead = cfg.data.batch_size, cfg.data.prefetch
    return MixLoader(items, speakers, batch_size=batch_size, training=varied, ahead=ahead, **share)
