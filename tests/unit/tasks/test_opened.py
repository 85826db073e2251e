"""Where batches come from: what depends on the seed of a run, and what on that of its split."""

from __future__ import annotations

from pathlib import Path

import torch

from sonant.config.experiment import Experiment
from sonant.data.corpus import Corpus
from sonant.data.split import split
from sonant.tasks import opened
from sonant.train.run import open_run
from sonant.tune.confirm import reseeded


def test_other_seeds_learn_from_other_sounds_and_are_judged_on_the_same(enhance_run: Path) -> None:
    run = open_run(str(enhance_run))
    model = run.load_model()

    def first(cfg: Experiment, side: str) -> torch.Tensor:
        corpus = Corpus.open(cfg.data.corpus)
        rows = split(corpus, cfg.data.split, cfg.seed)._asdict()
        loader = opened(cfg, run.labels, model, corpus, rows).loaders[side]
        return next(iter(loader.epoch(0))).noisy_BN

    for side, same in (("train", False), ("validation", True), ("test", True)):
        assert torch.equal(first(run.config, side), first(reseeded(run.config, 1), side)) == same
    bare = run.config.model_copy(update={"seed": 1})
    assert not torch.equal(first(run.config, "validation"), first(bare, "validation"))
