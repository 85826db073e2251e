"""Files of a run, on a disk or behind any fsspec URL, by the same few calls."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from sonant.errors import EnvError


def absolute(path: str) -> str:
    """A local path from the root: workers of a cluster run in other folders. URLs stay as they are."""
    return path if "://" in path else os.path.abspath(os.path.expanduser(path))


def join(path: str, *parts: str) -> str:
    return "/".join((path.rstrip("/"), *parts))


def filesystem(path: str) -> tuple[AbstractFileSystem, str]:
    """The filesystem behind a path or URL, and the path inside it."""
    found, inner = url_to_fs(path)
    # Listings that are kept for speed would hide what another process of the same run has written.
    found.use_listings_cache = False
    return cast(AbstractFileSystem, found), inner


def on_disk(path: str) -> str | None:
    """The plain path of a file on this machine's disks (file:// included); None for all other URLs."""
    found, inner = filesystem(path)
    return inner if isinstance(found, LocalFileSystem) else None


def exists(path: str) -> bool:
    found, inner = filesystem(path)
    found.invalidate_cache()
    return bool(found.exists(inner))


def make_folder(path: str) -> None:
    found, inner = filesystem(path)
    with disk_full(path):
        found.makedirs(inner, exist_ok=True)


def read_bytes(path: str) -> bytes:
    found, inner = filesystem(path)
    return bytes(cast(bytes, found.cat_file(inner)))


def write_bytes(path: str, data: bytes) -> None:
    """Writes a file whole: a disk gets it beside its place first, then moved; object stores never show half a file."""
    found, inner = filesystem(path)
    with disk_full(path):
        found.makedirs(inner.rpartition("/")[0], exist_ok=True)
        if not isinstance(found, LocalFileSystem):
            found.pipe_file(inner, data)
            return
        beside = f"{inner}.{os.getpid()}.part"
        try:
            found.pipe_file(beside, data)
            os.replace(beside, inner)
        finally:
            if os.path.exists(beside):
                os.remove(beside)


def read_json(path: str) -> Any:
    return json.loads(read_bytes(path))


def write_json(path: str, value: object) -> None:
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


@contextmanager
def disk_full(path: str) -> Generator[None]:
    """Tells a full disk as what it is; every other fault stays itself."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise EnvError("env.disk_full", f"no space left to write {path}") from error
