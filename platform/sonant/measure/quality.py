"""All figures of a network whose answer is sound: PESQ, STOI, SNR and composite measures take a second or so an item,
so they are worked out here or by all CPUs of a cluster, once, and not after every epoch.

What is measured of an item is in `quality_extract` and `quality_enhance`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from sonant.config.task import EnhanceTask, ExtractTask
from sonant.errors import ConfigError
from sonant.measure import quality_enhance, quality_extract
from sonant.measure.evaluate import SplitName, open_subject
from sonant.measure.quality_items import Row
from sonant.track import files

Spread = Callable[..., Iterator[str]]


class Judge(Protocol):
    """One item after another, by its number as text; answers are JSON, to travel."""

    name: str

    def __len__(self) -> int: ...

    def __call__(self, number: str) -> str: ...


Kind = tuple[Callable[[str, str | None, SplitName, str | None], Judge], Callable[[list[Row]], dict[str, Any]]]
_KINDS: dict[type, Kind] = {
    ExtractTask: (quality_extract.Judge, quality_extract.summary),
    EnhanceTask: (quality_enhance.Judge, quality_enhance.summary),
}


def quality(
    subject: str,
    data: str | None = None,
    *,
    split: SplitName = "test",
    enrolment: str | None = None,
    out: str | None = None,
    spread: Spread | None = None,
) -> dict[str, Any]:
    """Judges a run folder or a bundle on a split of a prepared corpus (its own by default), or on a list of mixtures or
    of pairs of files (CSV); means with 95 % intervals over speakers. `enrolment` is for lists of mixtures that do not
    say who is wanted.

    `spread` maps over a cluster (`cluster.spread`). With `out`, quality.json and a row for each item are written.
    """
    _, config, _, name = open_subject(subject)
    kind = _KINDS.get(type(config.task))
    if kind is None:
        told = f"{name} does {config.task.kind}: these figures are of sound"
        raise ConfigError("config.invalid", told, hint="leave --quality out")
    make, summary = kind
    arguments = (files.absolute(subject) if "@" not in subject else subject, data, split, enrolment)
    judge = make(*arguments)
    numbers = [str(number) for number in range(len(judge))]
    answers = map(judge, numbers) if spread is None else spread(make, arguments, numbers)
    rows: list[Row] = [json.loads(answer) for answer in answers]
    found = {"model": judge.name, "split": split, "data": data, **summary(rows)}
    if out is not None:
        table = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(_even(rows)), table)
        files.write_json(files.join(out, "quality.json"), found)
        files.write_bytes(files.join(out, "quality.parquet"), table.getvalue())
    return found


def _even(rows: list[Row]) -> list[Row]:
    """The same columns in all rows."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in names} for row in rows]
