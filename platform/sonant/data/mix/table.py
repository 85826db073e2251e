"""A table of recipes: one Parquet file that also says over which corpora they were drawn, and how."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any, cast

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from models.base import Section
from sonant.config.mix import Mixing
from sonant.data.corpus import Corpus
from sonant.data.mix.recipe import Recipe, from_row, to_row
from sonant.errors import DataError

_KEY = b"sonant.mix"
_MAX_BYTES = 2 << 30

_CUT = pa.struct([("row", pa.int64()), ("id", pa.string()), ("first", pa.int64()), ("samples", pa.int64())])
_VOICE = pa.struct([("cut", _CUT), ("speaker", pa.string()), ("begin", pa.int64()), ("snr_db", pa.float64())])
_NOISE = pa.struct([("cut", _CUT), ("seed", pa.int64()), ("slope", pa.float64()), ("snr_db", pa.float64())])
_ROOM = pa.struct([("seed", pa.int64()), ("rt60_s", pa.float64())])
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("split", pa.string()),
        ("speaker", pa.string()),
        ("present", pa.bool_()),
        ("voices", pa.list_(_VOICE)),
        ("references", pa.list_(_CUT)),
        ("overlap", pa.float64()),
        ("samples", pa.int64()),
        ("level_dbfs", pa.float64()),
        ("reference_dbfs", pa.float64()),
        ("noise", _NOISE),
        ("room", _ROOM),
        ("reference_room", _ROOM),
    ]
)
"""A row a recipe: the fields of `data.mix.recipe.Recipe`."""


class Origin(Section):
    """What the recipes of a table are about; it travels in the file."""

    schema_version: int = 1
    """Layout of the table."""
    corpus: str
    """Where the voices lay."""
    corpus_hash: str
    """Content of the corpus: rows mean nothing over another one."""
    noise_corpus: str | None
    """Where the noise lay; null: none, or made."""
    noise_hash: str | None
    """Content of the corpus of noise."""
    sample_rate_hz: int
    """Of all of it."""
    seed: int
    """Everything was drawn from."""
    mixing: Mixing


class Recipes:
    """An open table, and the corpora that its recipes are rendered from."""

    def __init__(self, origin: Origin, recipes: list[Recipe], corpus: Corpus, noise: Corpus | None) -> None:
        self.origin, self.recipes, self.corpus, self.noise = origin, recipes, corpus, noise

    def of(self, split: str) -> list[Recipe]:
        """The recipes of one side, in order."""
        return [recipe for recipe in self.recipes if recipe.split == split]


def write_table(url: str, recipes: Sequence[Recipe], origin: Origin) -> None:
    """Writes a table to any URL."""
    table = pa.Table.from_pylist([to_row(recipe) for recipe in recipes], schema=SCHEMA)
    table = table.replace_schema_metadata({_KEY: origin.model_dump_json().encode()})
    with fsspec.open(url, "wb") as file:
        pq.write_table(table, cast(Any, file), compression="zstd")


def open_table(url: str, *, corpus: str | None = None, noise_corpus: str | None = None) -> Recipes:
    """Opens a table and its corpora, which may lie elsewhere by now; their content must be what it was drawn over."""
    try:
        with fsspec.open(url, "rb") as file:
            raw = cast(bytes, cast(Any, file).read(_MAX_BYTES))
    except (OSError, ValueError) as error:
        raise DataError(
            "data.not_found", f"cannot read {url}: {error}", hint="`sonant prepare mix` writes it"
        ) from error
    try:
        table = pq.read_table(io.BytesIO(raw))
        told = (table.schema.metadata or {})[_KEY]
        origin = Origin.model_validate(json.loads(told))
    except (pa.ArrowException, OSError, KeyError, ValueError, ValidationError) as error:
        raise DataError("data.invalid", f"{url} is no table of `sonant prepare mix`: {error}") from error
    if table.schema.remove_metadata() != SCHEMA:
        raise DataError("data.invalid", f"{url} has other columns than a table of `sonant prepare mix`")
    recipes = [from_row(row) for row in table.to_pylist()]
    voices = _same(url, corpus or origin.corpus, origin.corpus_hash)
    noise_url = noise_corpus or origin.noise_corpus
    noise = None if noise_url is None or origin.noise_hash is None else _same(url, noise_url, origin.noise_hash)
    return Recipes(origin, recipes, voices, noise)


def _same(table: str, url: str, known: str) -> Corpus:
    corpus = Corpus.open(url)
    if corpus.hash != known:
        hint = "run `sonant prepare mix` again: the corpus has been prepared anew"
        raise DataError("data.invalid", f"{table} was drawn over another content of {url}", hint=hint)
    return corpus
