"""Live sessions as they are kept for a while, so that another replica can go on where one ended.

A record is one safetensors file: arrays by their place, and everything else as JSON in its header. It lies in a folder
or behind any fsspec URL that all replicas share, under a hash of its token: who can list the folder learns no token.
A token is 128 random bits, and each record ends some time after it was written.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import fsspec
import numpy as np
from fsspec.core import split_protocol
from safetensors import SafetensorError
from safetensors.numpy import load, save

from sonant.errors import ConfigError, RequestError

_PROTOCOLS = ("file", "s3", "gs", "memory")
_SWEPT = 8
"""Records that are looked at whenever a session begins, so that those nobody asks for end, too."""
_SUFFIX = ".session"

log = logging.getLogger(__name__)


def new_token() -> str:
    """What a client shows to go on with its session."""
    return secrets.token_hex(16)


def pack(record: Mapping[str, Any]) -> bytes:
    """A tree of dicts whose leaves are arrays or JSON."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}

    def plain(node: Mapping[str, Any], place: str) -> dict[str, Any]:
        rest: dict[str, Any] = {}
        for name, value in node.items():
            if isinstance(value, np.ndarray):
                arrays[place + name] = np.asarray(value, order="C")
            else:
                inner = cast(Mapping[str, Any], value)
                rest[name] = plain(inner, f"{place}{name}\n") if isinstance(value, Mapping) else value
        return rest

    told = json.dumps(plain(record, ""))
    return save(arrays, metadata={"record": told})


def unpack(data: bytes) -> dict[str, Any]:
    """The tree that was packed; ValueError for anything else."""
    try:
        arrays = load(data)
        size = int.from_bytes(data[:8], "little")
        record = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["record"])
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"no record: {type(error).__name__}") from None
    for place, value in arrays.items():
        *path, name = place.split("\n")
        node = record
        for step in path:
            node = node.setdefault(step, {})
        node[name] = value
    return cast(dict[str, Any], record)


class SavedSessions:
    """Records at a path or URL; `now` gives seconds since 1970. Calls read and write files: not in event loops.

    A session has two records, of even and of odd number: the client knows of one of them that it is there, and the next
    may be on its way.
    """

    def __init__(self, url: str, now: Callable[[], float] = time.time) -> None:
        protocol = split_protocol(url)[0] or "file"
        if protocol not in _PROTOCOLS or "::" in url:
            raise ConfigError("config.invalid", f"sessions.url: {url} is none of {', '.join(_PROTOCOLS)}")
        self._fs, self._root = cast(tuple[Any, str], fsspec.url_to_fs(url))
        self._fs.use_listings_cache = False
        self._local, self._now = protocol == "file", now

    def put(self, token: str, number: int, record: Mapping[str, Any], keep_s: float) -> None:
        """Writes a record, in one piece; it takes the place of the one before the last."""
        path = self._path(token, number)
        data = pack({**record, "number": number, "expires": self._now() + keep_s})
        if not self._local:
            self._fs.makedirs(self._root, exist_ok=True)
            self._fs.pipe_file(path, data)
            return
        # What somebody said a moment ago is nobody else's business on a shared machine.
        os.makedirs(self._root, mode=0o700, exist_ok=True)
        beside = f"{path}.{os.getpid()}.part"
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(data)
        os.replace(beside, path)

    def get(self, token: str, number: int) -> dict[str, Any]:
        """A record that holds; RequestError session.lost otherwise."""
        record = self._read(self._path(token, number))
        if record is None or record["number"] != number:
            raise RequestError("session.lost", "there is no such session any more")
        return record

    def remove(self, token: str) -> None:
        """Ends both records of a session; those that are not there do not matter."""
        for number in (0, 1):
            self._remove(self._path(token, number))

    def sweep(self) -> None:
        """Removes what is out of date among some records."""
        try:
            paths = [path for path in cast(list[str], self._fs.ls(self._root, detail=False)) if path.endswith(_SUFFIX)]
        except FileNotFoundError:
            return
        for path in random.sample(paths, min(_SWEPT, len(paths))):
            self._read(path)

    def _read(self, path: str) -> dict[str, Any] | None:
        try:
            record = unpack(cast(bytes, self._fs.cat_file(path)))
        except FileNotFoundError:
            return None
        except ValueError as error:
            log.warning("a saved session is damaged: %s", error)
            return None
        if record["expires"] <= self._now():
            self._remove(path)
            return None
        return record

    def _remove(self, path: str) -> None:
        try:
            self._fs.rm_file(path)
        except FileNotFoundError:
            log.debug("%s is gone already", path)

    def _path(self, token: str, number: int) -> str:
        return f"{self._root}/{hashlib.sha256(token.encode()).hexdigest()}-{number % 2}{_SUFFIX}"
