"""All figures of an extractor on mixtures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import torch

from models.spec import create
from sonant import tasks
from sonant.data.corpus import Corpus
from sonant.data.mix.loader import MixLoader
from sonant.measure.evaluate import SplitName, network_of, open_subject, rows_of_split
from sonant.measure.listed import ENDING, list_loader
from sonant.measure.quality_items import Row, means
from sonant.metrics.item import METRICS, Heard, score_item
from sonant.tasks.extract import Network

_KNOWN = ("id", "speaker", "present")


class Judge:
    """Extracts one mixture of a split after another and measures what came out."""

    def __init__(self, subject: str, data: str | None, split: SplitName, enrolment: str | None = None) -> None:
        opened, config, labels, self.name = open_subject(subject)
        if data is not None and data.endswith(ENDING):
            self._loader = list_loader(config, labels, self.name, data, enrolment)
        else:
            corpus = Corpus.open(data or config.data.corpus)
            rows = rows_of_split(corpus, config, split)
            _, loaders = tasks.opened(config, labels, create(config.model), corpus, {split: rows}, training=False)
            self._loader = cast(MixLoader, loaders[split])
        self._network = cast(Network, network_of(opened))

    def __len__(self) -> int:
        return len(self._loader.items)

    @torch.no_grad()
    def __call__(self, number: str) -> str:
        item, batch = self._loader.one(int(number))
        given = self._network(batch.mix_BN, batch.ref_BR, batch.ref_samples_B)
        rendered = item.rendered
        heard = Heard(
            estimate_N=given.wav_BN[0].numpy(),
            target_N=rendered.target_N,
            mix_N=rendered.mix_N,
            others_KN=rendered.others_KN,
            rate_hz=self._loader.items.sample_rate_hz,
            present=item.present,
        )
        told = {"id": item.id, "speaker": item.speaker, "present": item.present}
        return json.dumps(told | score_item(heard, METRICS))


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Means over mixtures."""
    return {"mixtures": len(rows), "figures": means(rows, _KNOWN)}
