"""API keys: random secrets that callers show, of which a file keeps only hashes.

A key is 256 random bits, so a plain SHA-256 of it is enough: there is no word list to try. The file is read again when
it changes, by every replica on its own; one that cannot be read lets nobody in.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat, ValidationError

from models.base import Section
from sonant.errors import ConfigError

log = logging.getLogger(__name__)

Right = Literal["infer", "stream", "enrol", "admin"]
RIGHTS: tuple[Right, ...] = ("infer", "stream", "enrol", "admin")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_LOOK_S = 1.0
"""How often a replica looks whether the file was changed."""


class Key(Section):
    """What is kept of one key: never the key."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
    """Part of the key that is no secret: for lists and logs."""
    name: Annotated[str, Field(max_length=64)]
    """Whose it is; for people."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Hash of the key."""
    rights: tuple[Right, ...]
    """infer: answers about recordings; stream: live sessions; enrol: speakers; admin: metrics."""
    created: FiniteFloat
    """Seconds since 1970."""
    expires: FiniteFloat | None = None
    """Likewise: from then on the key is refused; null: never."""
    requests_per_min: Annotated[float, Field(gt=0)] | None = None
    """Requests and sessions in a minute, on each replica; null: no limit."""
    audio_s_per_min: Annotated[float, Field(gt=0)] | None = None
    """Seconds of sound in a minute, on each replica; null: no limit."""


class KeyFile(Section):
    """The keys of a server."""

    schema_version: Literal[1] = 1
    """Version of this description."""
    keys: tuple[Key, ...] = ()
    """All that were made and not revoked."""


def create(
    name: str,
    rights: Sequence[Right],
    *,
    life_s: float | None = None,
    requests_per_min: float | None = None,
    audio_s_per_min: float | None = None,
) -> tuple[Key, str]:
    """A new key: what is kept of it, and the secret itself, which nobody can tell again."""
    if not _NAME.fullmatch(name):
        raise ConfigError("config.invalid", f"{name[:64]!r} is no name", hint="letters, digits and . _ @ -, at most 64")
    identity = secrets.token_hex(4)
    token = f"sonant_{identity}_{secrets.token_urlsafe(32)}"
    now = time.time()
    if min((limit for limit in (life_s, requests_per_min, audio_s_per_min) if limit is not None), default=1.0) <= 0:
        raise ConfigError("config.invalid", "a limit of a key is above zero", hint="leave it out for no limit")
    key = Key(
        id=identity,
        name=name,
        sha256=_hash(token.encode()),
        rights=tuple(rights),
        created=now,
        expires=None if life_s is None else now + life_s,
        requests_per_min=requests_per_min,
        audio_s_per_min=audio_s_per_min,
    )
    return key, token


def rights(words: str) -> tuple[Right, ...]:
    """`infer,stream` as rights."""
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    unknown = [word for word in wanted if word not in RIGHTS]
    if unknown or not wanted:
        told = f"no right {unknown[0][:64]!r}" if unknown else "a key without rights opens nothing"
        raise ConfigError("config.invalid", told, hint=f"choose of {', '.join(RIGHTS)}")
    return tuple(right for right in RIGHTS if right in wanted)


def told(key: Key) -> dict[str, Any]:
    """A key as lists show it: without its hash, times as UTC."""
    plain = key.model_dump(exclude={"sha256"}, exclude_none=True)
    times = {name: datetime.fromtimestamp(plain[name], UTC) for name in ("created", "expires") if name in plain}
    return {**plain, **{name: time.isoformat(timespec="seconds") for name, time in times.items()}}


def read(path: str) -> KeyFile:
    """The keys in a file. ConfigError if there is none, it is damaged, or others than its owner may write to it."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise ConfigError("config.invalid", f"{path}: others may write to it", hint=f"chmod 600 {path}")
            return KeyFile.model_validate_json(file.read())
    except OSError as error:
        hint = f"make it with `sonant keys add NAME --file {path}`"
        raise ConfigError("config.not_found", f"{path}: {error.strerror or 'cannot be read'}", hint=hint) from error
    except ValidationError as error:
        raise ConfigError("config.invalid", f"{path} is no file of keys: {error.error_count()} mistakes") from error


def add(path: str, key: Key) -> None:
    """Puts a key into a file, which is made if it is not there."""
    with _changing(path):
        known = read(path).keys if os.path.exists(path) else ()
        if key.name in {one.name for one in known}:
            raise ConfigError("config.invalid", f"{path} has a key {key.name!r} already", hint="revoke it first")
        _write(path, KeyFile(keys=(*known, key)))


def revoke(path: str, name: str) -> Key:
    """Takes the key of a name or id out of a file: replicas refuse it from a second later on."""
    with _changing(path):
        known = read(path).keys
        gone = [key for key in known if name in (key.name, key.id)]
        if not gone:
            raise ConfigError(
                "config.invalid", f"{path} has no key {name[:64]!r}", hint="`sonant keys list` shows them"
            )
        _write(path, KeyFile(keys=tuple(key for key in known if key not in gone)))
    return gone[0]


class Keyring:
    """The keys of a file as a replica knows them; `clock` counts seconds, `now` gives seconds since 1970."""

    def __init__(
        self, path: str, *, now: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._now, self._clock = path, now, clock
        self._keys = _table(read(path))
        self._seen = _mark(path)
        self._look_at = clock() + _LOOK_S

    def find(self, token: bytes) -> Key | None:
        """The key that a token is; None if it is none, not any more, or out of date."""
        self._refresh()
        digest = _hash(token)
        key = self._keys.get(digest)
        # What is compared are hashes of 256 random bits: the time that looking one up takes tells nothing about them.
        if key is None or not hmac.compare_digest(key.sha256, digest):
            return None
        return self._valid(key)

    def by_id(self, identity: str) -> Key | None:
        """The key of an id, likewise."""
        self._refresh()
        return next((self._valid(key) for key in self._keys.values() if key.id == identity), None)

    def _valid(self, key: Key) -> Key | None:
        return key if key.expires is None or self._now() < key.expires else None

    def _refresh(self) -> None:
        if self._clock() < self._look_at:
            return
        self._look_at = self._clock() + _LOOK_S
        mark = _mark(self._path)
        if mark == self._seen:
            return
        self._seen = mark
        try:
            self._keys = _table(read(self._path))
        except ConfigError as error:
            log.error("nobody is let in: %s", error.message)
            self._keys = {}


def _hash(token: bytes) -> str:
    return hashlib.sha256(token).hexdigest()


def _table(file: KeyFile) -> dict[str, Key]:
    return {key.sha256: key for key in file.keys}


def _mark(path: str) -> tuple[int, ...]:
    """What changes when the file does."""
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode


@contextmanager
def _changing(path: str) -> Generator[None]:
    """One writer at a time."""
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _write(path: str, file: KeyFile) -> None:
    """In one piece, readable by the owner alone."""
    beside = f"{path}.{os.getpid()}.part"
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(json.dumps(file.model_dump(mode="json"), indent=1).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    finally:
        if os.path.exists(beside):
            os.remove(beside)
