"""Lists of pairs to compare: lines `1 enrol test` (the same) and `0 enrol test` (different), as VoxCeleb's come."""

from __future__ import annotations

from typing import Any, cast

import fsspec
import numpy as np

from sonant.data.corpus import Corpus
from sonant.errors import DataError
from sonant.metrics.verification import Ints, Trials

_MAX_BYTES = 1 << 30


def read_trials(url: str, corpus: Corpus) -> Trials:
    """The pairs of a file or URL as rows of a corpus, whose ids or paths it names. Empty lines do not count."""
    try:
        with cast(Any, fsspec.open(url, "rb")) as stream:
            raw: bytes = stream.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise DataError("data.not_found", f"there is no list of trials at {url}") from None
    if len(raw) > _MAX_BYTES:
        raise DataError("data.invalid", f"{url} is larger than {_MAX_BYTES} bytes")
    known = {path: row for row, path in enumerate(corpus.column("path"))}
    known |= {name: row for row, name in enumerate(corpus.column("id"))}
    found: list[tuple[int, int, bool]] = []
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) != 3 or words[0] not in ("0", "1"):
            hint = "a line is 1 (the same) or 0 (different), and two ids or paths of the corpus"
            raise DataError("data.invalid", f"{url}, line {number}: {line[:80]!r} is no trial", hint=hint)
        for name in words[1:]:
            if name not in known:
                raise DataError("data.invalid", f"{url}, line {number}: {corpus.path} has no recording {name[:80]!r}")
        found.append((known[words[1]], known[words[2]], words[0] == "1"))
    first, second, same = (np.array(column) for column in zip(*found, strict=True)) if found else ([], [], [])
    same_P = np.asarray(same, bool)
    if same_P.all() or not same_P.any():
        raise DataError("data.empty", f"{url} needs pairs of both sorts, same and different")
    return Trials(np.asarray(first, np.int64), np.asarray(second, np.int64), same_P)


def rows_of(trials: Trials) -> Ints:
    """The rows that are compared, each once."""
    return np.unique(np.concatenate((trials.first_P, trials.second_P)))


def placed(trials: Trials, row_N: Ints) -> Trials:
    """Trials over rows as trials over places in `row_N`, which is sorted. DataError where a row was left out."""
    missing = np.setdiff1d(rows_of(trials), row_N)
    if missing.size:
        told = f"{missing.size} recordings of the list do not say whose they are"
        raise DataError("data.invalid", told, hint="fill the column of the manifest that the task compares by")
    return Trials(np.searchsorted(row_N, trials.first_P), np.searchsorted(row_N, trials.second_P), trials.same_P)
