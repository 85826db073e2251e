"""Tables of recipes: one Parquet file that also says over which corpora they were drawn, and how."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, Protocol, TypeVar, cast

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from models.base import Section
from sonant.data.corpus import Corpus
from sonant.data.manifest import Table
from sonant.errors import DataError

_MAX_BYTES = 2 << 30

CUT = pa.struct([("row", pa.int64()), ("id", pa.string()), ("first", pa.int64()), ("samples", pa.int64())])
ROOM = pa.struct([("seed", pa.int64()), ("rt60_s", pa.float64())])


class Drawn(Protocol):
    """Any recipe: a dataclass that knows its side."""

    @property
    def split(self) -> str: ...


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


R = TypeVar("R", bound=Drawn)
O = TypeVar("O", bound=Origin)  # noqa: E741


@dataclass(frozen=True)
class Format(Generic[R, O]):
    """What is in the tables of one kind of recipe."""

    verb: str
    """The command that writes them."""
    key: bytes
    """Name of the origin among the file's metadata."""
    schema: pa.Schema
    """A row a recipe: the fields of its dataclass."""
    origin: type[O]
    parse: Callable[[Mapping[str, Any]], R]


class Recipes(Generic[R, O]):
    """An open table, and the corpora that its recipes are rendered from."""

    def __init__(self, origin: O, recipes: list[R], corpus: Corpus, noise: Corpus | None) -> None:
        self.origin, self.recipes, self.corpus, self.noise = origin, recipes, corpus, noise

    def of(self, split: str) -> list[R]:
        """The recipes of one side, in order."""
        return [recipe for recipe in self.recipes if recipe.split == split]


def write_recipes(url: str, recipes: Sequence[R], origin: O, form: Format[R, O]) -> None:
    """Writes a table to any URL."""
    table = pa.Table.from_pylist([asdict(cast(Any, recipe)) for recipe in recipes], schema=form.schema)
    table = table.replace_schema_metadata({form.key: origin.model_dump_json().encode()})
    with fsspec.open(url, "wb") as file:
        pq.write_table(table, cast(Any, file), compression="zstd")


def open_recipes(url: str, form: Format[R, O], *, corpus: str | None, noise_corpus: str | None) -> Recipes[R, O]:
    """Opens a table and its corpora, which may lie elsewhere by now; their content must be what it was drawn over."""
    table, told = _read(url, form.verb)
    try:
        origin = form.origin.model_validate(json.loads(told[form.key]))
    except (KeyError, ValueError, ValidationError) as error:
        raise DataError("data.invalid", f"{url} is no table of `sonant {form.verb}`: {error}") from error
    if table.schema.remove_metadata() != form.schema:
        raise DataError("data.invalid", f"{url} has other columns than a table of `sonant {form.verb}`")
    recipes = [form.parse(row) for row in table.to_pylist()]
    voices = _same(url, corpus or origin.corpus, origin.corpus_hash, form.verb)
    noise_url = noise_corpus or origin.noise_corpus
    known = origin.noise_hash
    noise = None if noise_url is None or known is None else _same(url, noise_url, known, form.verb)
    return Recipes(origin, recipes, voices, noise)


def is_table(url: str, form: Format[Any, Any]) -> bool:
    """Whether a file is a table of this kind."""
    return form.key in _read(url, form.verb)[1]


def _read(url: str, verb: str) -> tuple[Table, dict[bytes, bytes]]:
    try:
        with fsspec.open(url, "rb") as file:
            raw = cast(bytes, cast(Any, file).read(_MAX_BYTES))
    except (OSError, ValueError) as error:
        raise DataError("data.not_found", f"cannot read {url}: {error}", hint=f"`sonant {verb}` writes it") from error
    try:
        table = pq.read_table(io.BytesIO(raw))
    except (pa.ArrowException, OSError) as error:
        raise DataError("data.invalid", f"{url} is no table of `sonant {verb}`: {error}") from error
    return table, table.schema.metadata or {}


def _same(table: str, url: str, known: str, verb: str) -> Corpus:
    corpus = Corpus.open(url)
    if corpus.hash != known:
        hint = f"run `sonant {verb}` again: the corpus has been prepared anew"
        raise DataError("data.invalid", f"{table} was drawn over another content of {url}", hint=hint)
    return corpus
