"""Is a corpus what it says it is, and is its test set honest?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.data.corpus import Corpus
from sonant.data.shards import audio_hash
from sonant.data.source import SplitBy
from sonant.errors import DataError

_EXAMPLES = 5
# What the splits of a corpus keep apart, by its own account. Copies of a recording are never right.
_APART: dict[SplitBy, tuple[str, ...]] = {
    "speaker": ("speaker", "session", "sha256"),
    "session": ("session", "sha256"),
    "take": ("sha256",),
    "clip": ("sha256",),
}
_MEANING = {"speaker": "speaker", "session": "session", "sha256": "recording"}


def check(url: str) -> None:
    """Raises DataError: data.leak when something is on two sides of the split, data.invalid for damaged samples."""
    corpus = Corpus.open(url)
    split_R = np.array(corpus.column("split"))
    sides = {name: np.flatnonzero(split_R == name) for name in ("train", "validation", "test")}
    check_splits(corpus, sides, corpus.info.split_by)
    for row, expected in enumerate(corpus.column("sha256")):
        if audio_hash(corpus.read(row)) != expected:
            name = corpus.table.column("id")[row].as_py()
            raise DataError("data.invalid", f"{url}: the samples of {name} are not those that were stored")


def check_splits(corpus: Corpus, sides: dict[str, NDArray[np.int64]], split_by: SplitBy) -> None:
    """Raises DataError data.leak, with examples, when rows of two sides share what `split_by` keeps apart."""
    faults: list[str] = []
    for column in _APART[split_by]:
        cells = corpus.column(column)
        values = {side: {cells[row] for row in rows.tolist()} - {""} for side, rows in sides.items()}
        names = list(values)
        for first, second in ((a, b) for i, a in enumerate(names) for b in names[i + 1 :]):
            shared = sorted(values[first] & values[second])
            if column == "sha256":
                shared = _recordings(corpus, cells, shared)
            if shared:
                examples = ", ".join(shared[:_EXAMPLES]) + (", ..." if len(shared) > _EXAMPLES else "")
                faults.append(f"{len(shared)} {_MEANING[column]}(s) in both {first} and {second}: {examples}")
    if faults:
        raise DataError("data.leak", f"{corpus.path}: {'; '.join(faults)}")


def _recordings(corpus: Corpus, hashes: list[str], shared: list[str]) -> list[str]:
    """Ids of the clips behind shared hashes, copies joined by "="."""
    ids = corpus.column("id")
    copies: dict[str, list[str]] = {value: [] for value in shared}
    for row, value in enumerate(hashes):
        if value in copies:
            copies[value].append(ids[row])
    return [" = ".join(names) for names in copies.values()]
