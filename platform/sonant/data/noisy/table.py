"""A table of noisy speech."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from sonant.config.noisy import Noising
from sonant.data.noisy.recipe import Recipe, from_row
from sonant.data.recipes import table
from sonant.data.recipes.table import CUT, ROOM, Format, Recipes

_STRETCH = pa.struct([("first", pa.int64()), ("end", pa.int64())])
_PIECE = pa.struct([("cut", CUT), ("begin", pa.int64()), ("speech", pa.list_(_STRETCH))])
_NOISE = pa.struct([("cut", CUT), ("seed", pa.int64()), ("slope", pa.float64()), ("level_db", pa.float64())])
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("split", pa.string()),
        ("speaker", pa.string()),
        ("pieces", pa.list_(_PIECE)),
        ("noises", pa.list_(_NOISE)),
        ("samples", pa.int64()),
        ("snr_db", pa.float64()),
        ("level_dbfs", pa.float64()),
        ("room", ROOM),
        ("early_ms", pa.float64()),
        ("band_hz", pa.float64()),
        ("clip_db", pa.float64()),
        ("codec", pa.string()),
    ]
)
"""A row a recipe: the fields of `data.noisy.recipe.Recipe`."""


class Origin(table.Origin):
    """What the noisy speech of a table is about."""

    noising: Noising


FORMAT = Format("prepare noisy", b"sonant.noisy", SCHEMA, Origin, from_row)


def write_table(url: str, recipes: Sequence[Recipe], origin: Origin) -> None:
    """Writes a table to any URL."""
    table.write_recipes(url, recipes, origin, FORMAT)


def open_table(url: str, *, corpus: str | None = None, noise_corpus: str | None = None) -> Recipes[Recipe, Origin]:
    """Opens a table and its corpora, which may lie elsewhere by now."""
    return table.open_recipes(url, FORMAT, corpus=corpus, noise_corpus=noise_corpus)
