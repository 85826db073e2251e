"""`sonant prepare check`: corpora, and tables of recipes of any kind."""

from __future__ import annotations

from sonant.data import mixing, noising
from sonant.data.check import check
from sonant.data.noisy.table import FORMAT
from sonant.data.recipes.table import is_table


def check_any(url: str) -> None:
    """Raises DataError: data.leak for what is on two sides of a split, data.invalid for what is not as it says."""
    if not url.endswith(".parquet"):
        check(url)
    elif is_table(url, FORMAT):
        noising.check_table(url)
    else:
        mixing.check_table(url)
