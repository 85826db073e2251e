"""A prepared corpus: a manifest, shards of samples, and corpus.json, which is written last and vouches for both."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import fsspec.core
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from numpy.typing import NDArray
from pydantic import ValidationError

from models.base import Section
from sonant.data.manifest import SPANS, STORED, STORED_SPANS, Table
from sonant.data.shards import INFO_FILE, shard_name
from sonant.data.source import Span, Spans, SplitBy
from sonant.errors import DataError

SCHEMA_VERSION = 1
MANIFEST_FILE = "manifest.parquet"


class Skipped(Section):
    """A file that could not be read."""

    path: str
    """Relative to the root of the import."""
    reason: str
    """What the decoder said."""


class CorpusInfo(Section):
    """corpus.json."""

    schema_version: Literal[1] = SCHEMA_VERSION
    """Layout of the folder."""
    name: str
    """Where the clips are from: `fsdd`, `synth`, ..."""
    sample_rate_hz: int
    """Of all samples in the shards."""
    labels: dict[str, int]
    """Clips of each label, by name."""
    splits: dict[str, int]
    """Clips of each split; "" counts those that `data.split` may give to any."""
    split_by: SplitBy
    """What the splits keep apart."""
    clips: int
    """Rows of the manifest."""
    seconds: float
    """Length of all clips together."""
    speakers: int
    """Different speakers, the unknown one not counted."""
    skipped: int
    """Files that could not be read."""
    skipped_examples: tuple[Skipped, ...]
    """The first of them."""
    shard_bytes: tuple[int, ...]
    """Size of each shard."""
    manifest_sha256: str
    """Of manifest.parquet, which holds the hash of every clip: it names the content of the corpus."""
    config: dict[str, Any]
    """The `sonant prepare` config that made it."""


class Corpus:
    """Rows of a manifest and their samples. `Corpus.open` is the only way to get one."""

    def __init__(self, path: Path, info: CorpusInfo, table: Table) -> None:
        self.path = path
        self.info = info
        self.table = table
        self._shards: dict[int, NDArray[np.int16]] = {}

    @classmethod
    def open(cls, url: str) -> Corpus:
        """Opens a folder, or a URL whose files are copied to a local folder first (once for each version)."""
        fs, path = cast(tuple[AbstractFileSystem, str], fsspec.core.url_to_fs(url))
        info = _read_info(fs, path, url)
        folder = Path(path) if isinstance(fs, LocalFileSystem) else _fetch(fs, path, info)
        raw = (folder / MANIFEST_FILE).read_bytes() if (folder / MANIFEST_FILE).is_file() else b""
        if hashlib.sha256(raw).hexdigest() != info.manifest_sha256:
            raise DataError("data.invalid", f"{url}: {MANIFEST_FILE} is not the one that {INFO_FILE} describes")
        table = pq.read_table(pa.BufferReader(raw))
        if table.schema.remove_metadata() not in (STORED, STORED_SPANS):
            raise DataError("data.invalid", f"{url}: {MANIFEST_FILE} has other columns than a prepared corpus")
        for number, size in enumerate(info.shard_bytes):
            shard = folder / shard_name(number)
            if not shard.is_file() or shard.stat().st_size != size:
                raise DataError("data.invalid", f"{url}: {shard_name(number)} is missing or not {size} bytes long")
        return cls(folder, info, table)

    def __len__(self) -> int:
        return self.table.num_rows

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, sorted."""
        return tuple(sorted(self.info.labels))

    @cached_property
    def spans_R(self) -> list[Spans] | None:
        """The labelled spans of each row; None where the corpus does not know what is heard when."""
        if SPANS.name not in self.table.column_names:
            return None
        return [[Span(**span) for span in spans or ()] for spans in self.column(SPANS.name)]

    @property
    def sample_rate_hz(self) -> int:
        return self.info.sample_rate_hz

    @property
    def hash(self) -> str:
        """Names the content: it covers every row and, through their hashes, every sample."""
        return self.info.manifest_sha256

    def column(self, name: str) -> list[Any]:
        return self.table.column(name).to_pylist()

    def read(self, row: int) -> NDArray[np.int16]:
        """Samples of a row: a read-only view of the memory map."""
        first = self.offset_R[row]
        return self.shard(int(self.shard_R[row]))[first : first + self.samples_R[row]]

    def shard(self, number: int) -> NDArray[np.int16]:
        """All samples of a shard as a plain array over its memory map (slicing np.memmap itself is slow)."""
        if number not in self._shards:
            mapped = np.memmap(self.path / shard_name(number), dtype="<i2", mode="r")
            self._shards[number] = np.asarray(mapped)
        return self._shards[number]

    @cached_property
    def shard_R(self) -> NDArray[np.int64]:
        """Shard of each row."""
        return self._integers("shard")

    @cached_property
    def offset_R(self) -> NDArray[np.int64]:
        """First sample of each row in its shard."""
        return self._integers("offset")

    @cached_property
    def samples_R(self) -> NDArray[np.int64]:
        """Length of each row in samples."""
        return self._integers("samples")

    def _integers(self, name: str) -> NDArray[np.int64]:
        return self.table.column(name).to_numpy().astype(np.int64)


def _read_info(fs: AbstractFileSystem, path: str, url: str) -> CorpusInfo:
    try:
        raw = cast(bytes, fs.cat_file(f"{path}/{INFO_FILE}"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError("data.not_found", f"{url} is no prepared corpus: it has no {INFO_FILE}") from error
    try:
        data: Any = json.loads(raw)
        version = data.get("schema_version") if isinstance(data, dict) else None
        if version != SCHEMA_VERSION:
            hint = f"prepare it again: this version of sonant reads schema version {SCHEMA_VERSION}"
            raise DataError("data.invalid", f"{url}: {INFO_FILE} has schema version {version}", hint=hint)
        return CorpusInfo.model_validate(data)
    except (UnicodeDecodeError, json.JSONDecodeError, ValidationError) as error:
        raise DataError("data.invalid", f"{url}: {INFO_FILE} is damaged: {error}") from error


def _fetch(fs: AbstractFileSystem, path: str, info: CorpusInfo) -> Path:
    """Copies a remote corpus into the cache, where its folder is named by its content."""
    cache = Path(os.environ.get("SONANT_CACHE", "~/.cache/sonant")).expanduser() / "corpora"
    folder = cache / info.manifest_sha256
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch.", dir=cache) as beside:
        whole = Path(beside) / "corpus"
        (whole / "shards").mkdir(parents=True)
        for name in (MANIFEST_FILE, *(shard_name(number) for number in range(len(info.shard_bytes))), INFO_FILE):
            fs.get_file(f"{path}/{name}", str(whole / name))
        try:
            whole.rename(folder)
        except OSError:
            # Another process was faster; what it put there has the same content.
            if not folder.is_dir():
                raise
    return folder
