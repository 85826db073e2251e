"""How good is an extractor on mixtures that lie as files: in lists of others (Libri2Mix), or our mixtures.csv?"""

from __future__ import annotations

import logging
from typing import Any

import torch

from models.extract.base import ExtractorConfig
from sonant.config.experiment import Experiment
from sonant.config.task import ExtractTask
from sonant.data.mix.lists import Lists, read_list
from sonant.data.mix.loader import MixLoader
from sonant.errors import ConfigError, DataError
from sonant.measure.evaluate import network_of, open_subject
from sonant.tasks.extract import Extract
from sonant.track import files
from sonant.train import review_mixtures
from sonant.train.evaluate import score
from sonant.train.place import Place

log = logging.getLogger(__name__)

ENDING = ".csv"
"""A list's name ends in this; a corpus is a folder."""


def evaluate_list(subject: str, url: str, *, enrolment: str | None = None, out: str | None = None) -> dict[str, Any]:
    """Judges a run folder or a bundle on the mixtures of a list (`data.mix.lists`): means, and the 95 % interval of the
    improvement over wanted speakers.

    `enrolment` is a map that says who is wanted; without it the list must say so itself. With `out`, metrics.json and a
    row for each mixture are written.
    """
    opened, config, labels, name = open_subject(subject)
    loader = list_loader(config, labels, name, url, enrolment)
    assert isinstance(config.task, ExtractTask), "the loader is of an extractor"
    task = Extract(config.task, labels)
    scored = score(network_of(opened), task, loader, Place(torch.device("cpu")))
    speakers = review_mixtures.speakers_of(loader, scored)
    found = {
        "model": name,
        "list": files.absolute(url),
        "mixtures": len(scored.row_N),
        "speakers": len(set(speakers)),
        "metrics": task.metrics(scored.logits_NK, scored.label_N),
        "interval": list(review_mixtures.improvement_interval(task, scored, speakers).values()),
    }
    if out is not None:
        files.write_json(files.join(out, "metrics.json"), found)
        review_mixtures.write_table(out, task, {"list": scored}, {"list": speakers})
    return found


def list_loader(config: Experiment, labels: tuple[str, ...], name: str, url: str, enrolment: str | None) -> MixLoader:
    """One mixture of a list after another, at the network's rate: they are of many lengths. Where a published map gives
    the target itself as the reference, the mixture is left out, and the log tells so."""
    if not isinstance(config.model, ExtractorConfig):
        told = f"{name} does {config.task.kind}: it has nothing to do with lists of mixtures"
        raise ConfigError("config.invalid", told, hint="give a prepared corpus")
    listed = read_list(files.absolute(url), None if enrolment is None else files.absolute(enrolment))
    honest = [told for told in listed if not told.leaks]
    if not honest:
        raise DataError("data.leak", f"{enrolment or url}: every reference is the target itself")
    if len(honest) < len(listed):
        log.warning("%s: in %d mixtures the reference is the target itself", url, len(listed) - len(honest))
    items = Lists(honest, config.model.sample_rate_hz)
    return MixLoader(items, labels, training=False, batch_size=1, seed=0)
