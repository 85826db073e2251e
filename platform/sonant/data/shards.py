"""Where samples lie: int16 little endian, mono, packed into files of some 256 MiB that are read through memory maps.

A corpus folder is written beside its place and renamed when it is whole, so half of one is never seen.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonant.errors import DataError, EnvError

SHARD_BYTES = 256 << 20
INFO_FILE = "corpus.json"
# No space, no quota left, or larger than files may get here.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Place(NamedTuple):
    """Where a clip was written: number of the shard, first sample in it, number of samples, hash of their bytes."""

    shard: int
    offset: int
    samples: int
    sha256: str


def shard_name(number: int) -> str:
    return f"shards/{number:05d}.bin"


def audio_hash(pcm_N: NDArray[np.int16]) -> str:
    """sha256 of the samples as int16 little endian."""
    return hashlib.sha256(pcm_N.astype("<i2", copy=False).tobytes()).hexdigest()


class ShardWriter:
    """Appends clips to shards; a clip never spans two of them."""

    def __init__(self, folder: Path, shard_bytes: int = SHARD_BYTES) -> None:
        self.sizes: list[int] = []
        self._folder = folder
        self._limit = shard_bytes
        (folder / "shards").mkdir()
        self._file = self._next()

    def write(self, pcm_N: NDArray[np.int16]) -> Place:
        raw = pcm_N.astype("<i2", copy=False).tobytes()
        if self.sizes[-1] and self.sizes[-1] + len(raw) > self._limit:
            self._file.close()
            self._file = self._next()
        offset = self.sizes[-1] // 2
        self._file.write(raw)
        self.sizes[-1] += len(raw)
        return Place(len(self.sizes) - 1, offset, pcm_N.size, hashlib.sha256(raw).hexdigest())

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _next(self):
        self.sizes.append(0)
        return (self._folder / shard_name(len(self.sizes) - 1)).open("wb")


@contextmanager
def new_folder(path: Path) -> Generator[Path]:
    """An empty folder to fill that takes the place of `path` when the block ends well, and vanishes when it does not.

    Only a corpus is ever replaced: a folder that holds anything else is left alone and refused.
    """
    path = path.absolute()
    if path.exists() and not (path / INFO_FILE).is_file() and (not path.is_dir() or any(path.iterdir())):
        raise DataError("data.invalid", f"{path} exists and is no corpus", hint="choose another `out`, or remove it")
    beside: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        beside.chmod(0o755)
        yield beside
        _replace(beside, path)
    except OSError as error:
        if error.errno in _FULL:
            raise EnvError("env.disk_full", f"no space left to write {path}") from error
        raise
    finally:
        if beside is not None and beside.exists():
            shutil.rmtree(beside)


def _replace(new: Path, path: Path) -> None:
    """Two renames: a folder cannot be renamed over one that is not empty. Open memory maps of the old one stay good."""
    if not path.exists():
        os.rename(new, path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    os.rename(path, old / "old")
    os.rename(new, path)
    shutil.rmtree(old)
