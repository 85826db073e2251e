"""All figures of an extractor on the mixtures of a corpus: PESQ, STOI, SNR and composite measures take a second or so a
mixture, so they are worked out here or by all CPUs of a cluster, once, and not after every epoch."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from models.spec import create
from sonant import tasks
from sonant.config.task import ExtractTask
from sonant.data.corpus import Corpus
from sonant.data.mix.batch import collate
from sonant.data.mix.loader import MixLoader
from sonant.errors import ConfigError
from sonant.measure.evaluate import SplitName, network_of, open_subject, rows_of_split
from sonant.measure.listed import ENDING, list_loader
from sonant.metrics.item import METRICS, Heard, score_item
from sonant.metrics.summary import summarise
from sonant.tasks.extract import Network
from sonant.track import files

Spread = Callable[..., Iterator[str]]
_OF_ITEM = ("id", "speaker", "present")


def quality(
    subject: str,
    data: str | None = None,
    *,
    split: SplitName = "test",
    enrolment: str | None = None,
    out: str | None = None,
    spread: Spread | None = None,
) -> dict[str, Any]:
    """Judges a run folder or a bundle on a corpus or a list (`measure.listed`); means over mixtures, with 95 %
    intervals over wanted speakers.

    `spread` maps over a cluster (`cluster.spread`). With `out`, quality.json and a row for each mixture are written.
    """
    arguments = (files.absolute(subject) if "@" not in subject else subject, data, split, enrolment)
    judge = Judge(*arguments)
    numbers = [str(number) for number in range(len(judge.loader.items))]
    answers = map(judge, numbers) if spread is None else spread(Judge, arguments, numbers)
    rows: list[dict[str, Any]] = [json.loads(answer) for answer in answers]
    figures = [{name: value for name, value in row.items() if name not in _OF_ITEM} for row in rows]
    found = {
        "model": judge.name,
        "split": split,
        "mixtures": len(rows),
        "figures": {
            name: {field: _known(value) for field, value in mean._asdict().items()}
            for name, mean in summarise(figures, [row["speaker"] for row in rows]).items()
        },
    }
    if out is not None:
        table = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(_even(rows)), table)
        files.write_json(files.join(out, "quality.json"), found)
        files.write_bytes(files.join(out, "quality.parquet"), table.getvalue())
    return found


class Judge:
    """Extracts one mixture of a split after another and measures what came out; answers are JSON, to travel."""

    def __init__(self, subject: str, data: str | None, split: SplitName, enrolment: str | None = None) -> None:
        opened, config, labels, self.name = open_subject(subject)
        if not isinstance(config.task, ExtractTask):
            told = f"{self.name} does {config.task.kind}: these figures are of extracted voices"
            raise ConfigError("config.invalid", told, hint="leave --quality out")
        self._network = cast(Network, network_of(opened))
        if data is not None and data.endswith(ENDING):
            self.loader = list_loader(config, labels, self.name, data, enrolment)
            return
        corpus = Corpus.open(data or config.data.corpus)
        rows = rows_of_split(corpus, config, split)
        _, loaders = tasks.opened(config, labels, create(config.model), corpus, {split: rows}, training=False)
        self.loader = cast(MixLoader, loaders[split])

    @torch.no_grad()
    def __call__(self, number: str) -> str:
        item = self.loader.items.item(0, int(number))
        batch = collate([item], {})
        given = self._network(batch.mix_BN, batch.ref_BR, batch.ref_samples_B)
        rendered = item.rendered
        heard = Heard(
            estimate_N=given.wav_BN[0].numpy(),
            target_N=rendered.target_N,
            mix_N=rendered.mix_N,
            others_KN=rendered.others_KN,
            rate_hz=self.loader.items.sample_rate_hz,
            present=item.present,
        )
        told = {"id": item.id, "speaker": item.speaker, "present": item.present}
        return json.dumps(told | score_item(heard, METRICS))


def _known(value: float) -> float | None:
    return value if value == value else None  # NaN is no JSON


def _even(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same columns in all rows."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in names} for row in rows]
