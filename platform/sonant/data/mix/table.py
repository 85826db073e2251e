"""A table of mixtures."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from sonant.config.mix import Mixing
from sonant.data.mix.recipe import Recipe, from_row
from sonant.data.recipes import table
from sonant.data.recipes.table import CUT, ROOM, Format, Recipes

_VOICE = pa.struct([("cut", CUT), ("speaker", pa.string()), ("begin", pa.int64()), ("snr_db", pa.float64())])
_NOISE = pa.struct([("cut", CUT), ("seed", pa.int64()), ("slope", pa.float64()), ("snr_db", pa.float64())])
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("split", pa.string()),
        ("speaker", pa.string()),
        ("present", pa.bool_()),
        ("voices", pa.list_(_VOICE)),
        ("references", pa.list_(CUT)),
        ("overlap", pa.float64()),
        ("samples", pa.int64()),
        ("level_dbfs", pa.float64()),
        ("reference_dbfs", pa.float64()),
        ("noise", _NOISE),
        ("room", ROOM),
        ("reference_room", ROOM),
    ]
)
"""A row a recipe: the fields of `data.mix.recipe.Recipe`."""


class Origin(table.Origin):
    """What the mixtures of a table are about."""

    mixing: Mixing


FORMAT = Format("prepare mix", b"sonant.mix", SCHEMA, Origin, from_row)


def write_table(url: str, recipes: Sequence[Recipe], origin: Origin) -> None:
    """Writes a table to any URL."""
    table.write_recipes(url, recipes, origin, FORMAT)


def open_table(url: str, *, corpus: str | None = None, noise_corpus: str | None = None) -> Recipes[Recipe, Origin]:
    """Opens a table and its corpora, which may lie elsewhere by now."""
    return table.open_recipes(url, FORMAT, corpus=corpus, noise_corpus=noise_corpus)
