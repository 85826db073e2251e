"""Files that end: kept for a time in a folder or behind any fsspec URL, each under an id that cannot be guessed.

A file is a line of JSON, its head, and whatever comes behind it. The head tells `id` and `expires` (seconds since
1970): what is out of date is refused and removed by whoever meets it. All replicas share the place, nothing is kept in
memory, and a file appears whole or not at all. `edge.speakers` and `edge.results` say what is kept.
"""

from __future__ import annotations

import json
import logging
import os
import random
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, cast

import fsspec
from fsspec.core import split_protocol

from sonant.errors import ConfigError

Head = dict[str, Any]

_PROTOCOLS = ("file", "s3", "gs", "memory")
_SWEPT = 16
"""Files that are looked at whenever a new one comes."""
_PIECE = 1 << 20

log = logging.getLogger(__name__)


def new_id(prefix: str) -> str:
    """The id of a file: 128 random bits."""
    return f"{prefix}_{secrets.token_hex(16)}"


def iso(time_s: float) -> str:
    """Seconds since 1970 as a date and a time."""
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="seconds")


class Shelf:
    """Files at a path or URL, named <prefix>_<32 hexadecimal digits><suffix>; `now` gives seconds since 1970, and
    `max_head` is the longest head in bytes. Calls read and write files: not in event loops."""

    def __init__(
        self, url: str, prefix: str, suffix: str, *, max_head: int = 4096, now: Callable[[], float] = time.time
    ) -> None:
        protocol = split_protocol(url)[0] or "file"
        if protocol not in _PROTOCOLS or "::" in url:
            raise ConfigError("config.invalid", f"{url} is none of {', '.join(_PROTOCOLS)}")
        self._fs, self._root = cast(tuple[Any, str], fsspec.url_to_fs(url))
        self._fs.use_listings_cache = False
        self._local, self.now = protocol == "file", now
        self._suffix, self._max_head = suffix, max_head
        self._id = re.compile(rf"{prefix}_[0-9a-f]{{32}}")

    def put(self, file_id: str, head: str, body: Iterable[bytes] = ()) -> None:
        """Writes a file in one piece: `head` is JSON without a line break."""
        path = self._path(file_id)
        if not self._local:
            self._fs.makedirs(self._root, exist_ok=True)
            with self._fs.open(path, "wb") as stream:
                stream.write(head.encode() + b"\n")
                for piece in body:
                    stream.write(piece)
            return
        # What is said here is nobody else's business on a shared machine.
        os.makedirs(self._root, mode=0o700, exist_ok=True)
        beside = f"{self._root}/.{file_id}.{os.getpid()}.part"
        try:
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(head.encode() + b"\n")
                stream.writelines(body)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(beside, path)
        finally:
            if os.path.exists(beside):
                os.remove(beside)

    def head(self, file_id: str) -> Head | None:
        """What a file tells of itself; None where there is none, any more; what is out of date is removed."""
        if not self._id.fullmatch(file_id):
            return None
        try:
            raw = cast(bytes, self._fs.cat_file(self._path(file_id), end=self._max_head))
        except FileNotFoundError:
            return None
        try:
            head = cast(Head, json.loads(raw.partition(b"\n")[0]))
            known, expires = head["id"] == file_id, float(head["expires"])
        except (ValueError, KeyError, TypeError) as error:
            log.warning("%s is damaged: %s", file_id, type(error).__name__)
            return None
        if not known or expires <= self.now():
            self.remove(file_id)
            return None
        return head

    def body(self, file_id: str) -> Iterator[bytes]:
        """What comes behind the head, in pieces of bounded size."""
        path = self._path(file_id)
        start = len(cast(bytes, self._fs.cat_file(path, end=self._max_head)).partition(b"\n")[0]) + 1
        while piece := cast(bytes, self._fs.cat_file(path, start=start, end=start + _PIECE)):
            start += len(piece)
            yield piece

    def ids(self) -> list[str]:
        """The ids of all files, sorted; some may be out of date."""
        self._fs.invalidate_cache()
        try:
            paths = cast(list[str], self._fs.ls(self._root, detail=False))
        except FileNotFoundError:
            return []
        names = (path.rstrip("/").rpartition("/")[2] for path in paths)
        known = (name.removesuffix(self._suffix) for name in names if name.endswith(self._suffix))
        return sorted(name for name in known if self._id.fullmatch(name))

    def has_room(self, most: int) -> bool:
        """Whether there are fewer files than `most`. Looks at some, so that those nobody asks for end, too; only when
        there seem to be too many, at all."""
        known = self.ids()
        looked_at = known if len(known) >= most else random.sample(known, min(_SWEPT, len(known)))
        gone = sum(self.head(file_id) is None for file_id in looked_at)
        return len(known) - gone < most

    def remove(self, file_id: str) -> None:
        """Ends a file."""
        try:
            self._fs.rm_file(self._path(file_id))
        except FileNotFoundError:
            log.info("another replica has removed %s already", file_id)

    def _path(self, file_id: str) -> str:
        assert self._id.fullmatch(file_id), "only ids of ours become paths"
        return f"{self._root}/{file_id}{self._suffix}"
