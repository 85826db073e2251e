"""What `sonant prepare` does alike for tables of any kind of recipe."""

from __future__ import annotations

import os.path
from collections.abc import Callable

from sonant.config.data import Split
from sonant.data.check import check_splits
from sonant.data.corpus import Corpus
from sonant.data.recipes.sides import SIDES, Side
from sonant.data.split import Rows, split
from sonant.errors import ConfigError

Progress = Callable[[int, int], None]


def table_url(out: str) -> str:
    """Where a table is to be written: a name that says what it is."""
    if not out.endswith(".parquet"):
        raise ConfigError("config.invalid", f"out={out} is a table: its name ends in .parquet")
    return out


def sides_of(corpus: Corpus, cfg: Split, seed: int) -> dict[Side, Rows]:
    """The rows of each side; DataError data.leak where a speaker is on two of them."""
    rows = split(corpus, cfg, seed)._asdict()
    check_splits(corpus, rows, "speaker")
    return {side: rows[side] for side in SIDES}


def absolute(url: str) -> str:
    """A local path from the root: workers of a cluster run in other folders."""
    return url if "://" in url else os.path.abspath(os.path.expanduser(url))


def unwatched(done: int, total: int) -> None:
    """For callers that do not look at the progress."""
