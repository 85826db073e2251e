"""The manifest: one row a clip. Reads Parquet, CSV and JSONL from any URL, checks every cell, writes Parquet.

A manifest is data: a path names a file below a root, never a command and never a URL of its own.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from sonant.errors import DataError

Columns = dict[str, list[object]]
Table = Any
"""A pyarrow.Table; pyarrow ships no types."""

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("path", pa.string()),
        ("start_s", pa.float64()),
        ("duration_s", pa.float64()),
        ("sample_rate_hz", pa.int32()),
        ("label", pa.string()),
        ("text", pa.string()),
        ("speaker", pa.string()),
        ("session", pa.string()),
        ("split", pa.string()),
        ("corpus", pa.string()),
        ("licence", pa.string()),
    ]
)
"""What users write. Only `path` must be there; empty cells mean unknown (text) or null (numbers)."""

STORED = pa.schema(
    [*SCHEMA, ("sha256", pa.string()), ("shard", pa.int32()), ("offset", pa.int64()), ("samples", pa.int64())]
)
"""What a prepared corpus holds beside that: the hash of the samples and where they lie (offset in samples)."""

SPANS = pa.field(
    "spans", pa.list_(pa.struct([("start_s", pa.float64()), ("end_s", pa.float64()), ("label", pa.string())]))
)
STORED_SPANS = pa.schema([*STORED, SPANS])
"""Likewise, where it is known what is heard when: the labelled spans of each clip, in seconds from its start."""

SPLITS = ("train", "validation", "test", "")
_ALIASES = {"sample_rate": "sample_rate_hz", "dataset": "corpus", "license": "licence"}
_MAX_BYTES = 2 << 30


def read_manifest(url: str, *, corpus: str | None = None, splits: Mapping[str, str] | None = None) -> Table:
    """A manifest as a table of SCHEMA. Errors name the file, the column and the row (the first row of data is 1).

    With `corpus`, only rows that name it are read and checked. `splits` translates the file's own words for the
    splits. Columns that we do not know are left out.
    """
    suffix = "." + url.rsplit(".", 1)[-1].lower()
    if suffix not in _READERS:
        raise DataError("data.invalid", f"{url}: a manifest ends in {', '.join(_READERS)}")
    columns = _rename(_READERS[suffix](url, _read_bytes(url)), url)
    if not columns.get("path"):
        problem = "has no rows" if "path" in columns else "has no column path"
        raise DataError("data.empty" if "path" in columns else "data.invalid", f"{url} {problem}")
    if splits and "split" in columns:
        columns["split"] = [splits.get(str(cell), cell) for cell in columns["split"]]
    rows = _rows_of(corpus, columns, url)
    checked = {name: _check(url, name, columns.get(name), rows) for name in SCHEMA.names}
    _check_ids(url, checked, rows)
    return pa.table(checked, schema=SCHEMA)


def write_manifest(table: Table, url: str) -> None:
    """Writes a table as Parquet to any URL."""
    with fsspec.open(url, "wb") as file:
        pq.write_table(table, cast(Any, file), compression="zstd")


def _read_bytes(url: str) -> bytes:
    try:
        with fsspec.open(url, "rb") as file:
            raw = cast(bytes, cast(Any, file).read(_MAX_BYTES + 1))
    except (OSError, ValueError) as error:
        raise DataError("data.not_found", f"cannot read {url}: {error}") from error
    if len(raw) > _MAX_BYTES:
        raise DataError("data.invalid", f"{url} is larger than {_MAX_BYTES >> 30} GiB")
    return raw


def _read_parquet(url: str, raw: bytes) -> Columns:
    try:
        table = pq.read_table(io.BytesIO(raw))
    except (pa.ArrowException, OSError) as error:
        raise DataError("data.invalid", f"{url} is no Parquet file: {error}") from error
    return {name: table.column(name).to_pylist() for name in table.column_names}


def _read_csv(url: str, raw: bytes) -> Columns:
    reader = csv.DictReader(io.StringIO(_decode(url, raw), newline=""), restkey="")
    names = list(reader.fieldnames or [])
    columns: Columns = {name: [] for name in names}
    try:
        for row, cells in enumerate(reader, 1):
            if "" in cells and "" not in names:
                raise DataError("data.invalid", f"{url}, row {row}: more cells than the header has names")
            for name in names:
                columns[name].append(cells[name])
    except csv.Error as error:
        raise DataError("data.invalid", f"{url}, after line {reader.line_num}: {error}") from error
    return columns


def _read_jsonl(url: str, raw: bytes) -> Columns:
    rows: list[dict[str, object]] = []
    for number, line in enumerate(_decode(url, raw).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError("data.invalid", f"{url}, line {number}: {error}") from error
        if not isinstance(row, dict):
            raise DataError("data.invalid", f"{url}, line {number}: not a JSON object")
        rows.append(cast(dict[str, object], row))
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


_READERS: dict[str, Callable[[str, bytes], Columns]] = {
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
}


def _decode(url: str, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("data.invalid", f"{url} is not UTF-8 text: {error}") from error


def _rename(columns: Columns, url: str) -> Columns:
    """Known other names become ours; a name that is nearly one of ours is an error rather than a column left out."""
    renamed: Columns = {}
    for name, cells in columns.items():
        ours = _ALIASES.get(name, name)
        if ours not in columns or ours == name:
            renamed[ours] = cells
    missing = [name for name in SCHEMA.names if name not in renamed]
    for name in renamed:
        near = [] if name in SCHEMA.names else difflib.get_close_matches(name, missing, n=1, cutoff=0.8)
        if near:
            raise DataError("data.invalid", f"{url}: unknown column {name!r}, did you mean {near[0]!r}?")
    return renamed


def _rows_of(corpus: str | None, columns: Columns, url: str) -> range | list[int]:
    """Indices of the wanted rows."""
    everything = range(len(columns["path"]))
    if corpus is None:
        return everything
    names = columns.get("corpus", [""] * len(everything))
    rows = [row for row in everything if names[row] == corpus]
    if not rows:
        hint = f"it has {', '.join(sorted({str(name) for name in names}))}"
        raise DataError("data.empty", f"{url} has no rows of {corpus!r}", hint=hint)
    return rows


def _check(url: str, name: str, cells: Sequence[object] | None, rows: Sequence[int]) -> list[object]:
    convert = _CELLS.get(name, _text)
    checked: list[object] = []
    for row in rows:
        cell = None if cells is None else cells[row]
        try:
            checked.append(convert(cell))
        except ValueError as error:
            raise DataError("data.invalid", f"{url}, column {name}, row {row + 1}: {cell!r} {error}") from None
    return checked


def _check_ids(url: str, columns: Columns, rows: Sequence[int]) -> None:
    """Rows without an id get one from path and start; ids are unique."""
    first: dict[object, int] = {}
    for index, given in enumerate(columns["id"]):
        start_s = cast(float | None, columns["start_s"][index])
        name = given or f"{columns['path'][index]}" + (f"@{start_s:g}" if start_s else "")
        row = rows[index] + 1
        if name in first:
            raise DataError("data.invalid", f"{url}, column id, row {row}: {name!r} is row {first[name]}'s already")
        first[name] = row
        columns["id"][index] = name


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, str | int) or isinstance(cell, bool):
        raise ValueError("is no text")
    return str(cell).strip()


def _path(cell: object) -> str:
    text = _text(cell)
    if not text:
        raise ValueError("is no path")
    # fsspec reads "a::b" as a chain of file systems, so a path could fetch from anywhere.
    if "://" in text or "::" in text or "\0" in text:
        raise ValueError("is a URL; write paths relative to the root")
    return text


def _seconds(cell: object) -> float | None:
    if cell is None or cell == "":
        return None
    value = _number(cell)
    if not (math.isfinite(value) and value >= 0):
        raise ValueError("is not a number of seconds from 0 up")
    return value


def _rate(cell: object) -> int | None:
    if cell is None or cell == "":
        return None
    value = _number(cell)
    if not 1 <= value <= 1_000_000 or value != int(value):
        raise ValueError("is no sample rate in Hz")
    return int(value)


def _number(cell: object) -> float:
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        raise ValueError("is no number")
    try:
        return float(cell)
    except (ValueError, OverflowError):
        raise ValueError("is no number") from None


def _split(cell: object) -> str:
    text = _text(cell)
    if text not in SPLITS:
        raise ValueError("is none of train, validation, test or empty: say what it means with `splits={word: train}`")
    return text


_CELLS: dict[str, Callable[[object], object]] = {
    "path": _path,
    "start_s": _seconds,
    "duration_s": _seconds,
    "sample_rate_hz": _rate,
    "split": _split,
}
