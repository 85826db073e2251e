"""A task with the batches that it is about: what training and evaluation do before a network is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import nn

from sonant.config.experiment import Experiment
from sonant.config.mix import Mixtures
from sonant.config.noisy import Noisy
from sonant.config.task import EnhanceTask, ExtractTask
from sonant.data.corpus import Corpus
from sonant.data.loader import Loader
from sonant.data.mix.loader import MixLoader
from sonant.data.mix.mixer import Mixer
from sonant.data.noisy.loader import NoisyLoader
from sonant.data.noisy.mixer import NoisyMixer
from sonant.data.recipes.items import Drawn, Fixed
from sonant.data.recipes.sides import SIDES, Side
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
    if isinstance(cfg.task, EnhanceTask):
        noisy = {side: _noisy(cfg, corpus, side, rows[side], training, share) for side in rows}
        return Opened(create(cfg.task, labels, ()), noisy)
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
    mixer = Mixer(corpus, rows, mixtures, split=_side(side), seed=_seed(cfg, side))
    count, varied = _count(mixtures, side), training and side == "train"
    items = Drawn(mixer, count) if varied else Fixed.drawn(mixer, count)
    batch_size, ahead = cfg.data.batch_size, cfg.data.prefetch
    return MixLoader(items, speakers, batch_size=batch_size, training=varied, ahead=ahead, **share)


def _noisy(
    cfg: Experiment, corpus: Corpus, side: str, rows: Rows, training: bool, share: Mapping[str, int]
) -> NoisyLoader:
    noisy = cfg.data.noisy
    assert noisy is not None, "the config has been checked"
    mixer = NoisyMixer(corpus, rows, noisy, split=_side(side), seed=_seed(cfg, side))
    count, varied = _count(noisy, side), training and side == "train"
    items = Drawn(mixer, count) if varied else Fixed.drawn(mixer, count)
    return NoisyLoader(items, batch_size=cfg.data.batch_size, training=varied, ahead=cfg.data.prefetch, **share)


def _count(section: Mixtures | Noisy, side: str) -> int:
    """Items of a side in an epoch."""
    return {"train": section.items, "validation": section.validation_items, "test": section.test_items}[side]


def _seed(cfg: Experiment, side: str) -> int:
    """Seed of the sounds of a side: runs that are compared may learn from others, but are judged on the same."""
    own = cfg.data.split.seed
    return cfg.seed if side == "train" or own is None else own


def _side(side: str) -> Side:
    for known in SIDES:
        if known == side:
            return known
    told = f"sounds are drawn for one side of the split, not for {side!r}"
    raise ConfigError("config.invalid", told, hint=f"choose one of {', '.join(SIDES)}")
