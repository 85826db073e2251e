"""From what a user types to a folder on this machine: paths, URLs, and names in a store.

A store is a folder or bucket of <name>/<version>/ bundles. `<name>/aliases.json` says which version each alias means
now and meant before; it also records the sha256 of the version's bundle.json, so that a bundle opened through an alias
is the very one that was promoted.

    STORE/NAME@ALIAS           the version that the alias means now
    STORE/NAME@VERSION         that version
    STORE/NAME@ALIAS=VERSION   that version, of which the alias was the reason: what a running server says it serves
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast

import fsspec
from fsspec.core import split_protocol
from pydantic import Field, TypeAdapter, ValidationError

from models.base import Section
from sonant.errors import BundleError
from sonant.runtime.info import Name, Sha256

ALIASES = "aliases.json"
PROTOCOLS = ("file", "s3", "gs", "memory")
"""What a reference may start with; a chained or web URL (simplecache::http://...) is not a place for bundles."""

_MAX_JSON_BYTES = 4_000_000
_name = TypeAdapter[str](Name)


class Target(Section):
    """What an alias means from one moment on."""

    alias: Name
    """champion, canary, ..."""
    version: Name
    """The folder that it means."""
    sha256: Sha256
    """Hash of the version's bundle.json."""
    since: str
    """UTC time, ISO 8601."""
    why: Literal["promote", "rollback"] = "promote"
    """A rollback takes the last promotion back; the next one takes back the one before that."""


class Aliases(Section):
    """The alias table of one name in a store: every move, oldest first; the last one of an alias counts."""

    moves: Annotated[tuple[Target, ...], Field(max_length=10_000)] = ()
    """Appended to, never changed."""

    def current(self) -> dict[str, Target]:
        return {move.alias: move for move in self.moves}

    def line(self, alias: str) -> list[Target]:
        """The promotions of an alias that hold, oldest first: without those that were rolled back."""
        held: list[Target] = []
        for move in self.moves:
            if move.alias != alias:
                continue
            if move.why == "rollback":
                while held and held[-1].version != move.version:
                    held.pop()
            if not held or held[-1].version != move.version:
                held.append(move)
        return held


@dataclass(frozen=True)
class Place:
    """Where a bundle lies, and the hash of its bundle.json when the reference pins it."""

    url: str
    digest: str | None = None


class Named(NamedTuple):
    """A bundle by its name in a store."""

    store: str
    name: str
    alias: str
    """Or a version."""
    version: str | None = None
    """The one that the alias is held at; None: what it means now."""

    def __str__(self) -> str:
        held = "" if self.version is None else f"={self.version}"
        return f"{self.store}/{self.name}@{self.alias}{held}"


def named(ref: str) -> Named | None:
    """Takes STORE/NAME@ALIAS, STORE/NAME@VERSION or STORE/NAME@ALIAS=VERSION apart; None for anything else."""
    filesystem, path = open_url(ref)
    store, _, last = ref.rstrip("/").rpartition("/")
    if "@" not in last or filesystem.isdir(path):
        return None
    name, _, rest = last.partition("@")
    alias, held, version = rest.partition("=")
    for part in (name, alias, *([version] if held else [])):
        check_name(part)
    return Named(store or ".", name, alias, version if held else None)


def locate(ref: str) -> Place:
    """Resolves the names of a store through its alias table; anything else is a place already."""
    parts = named(ref)
    if parts is None:
        return Place(ref)
    store, name, alias, version = parts
    table = read_aliases(store, name)
    known = table.current()
    if version is None and alias in known:
        version = known[alias].version
    wanted = version or alias
    recorded = {move.version: move.sha256 for move in table.moves}
    url = f"{store}/{name}/{wanted}"
    if wanted not in recorded:
        filesystem, path = open_url(url)
        if not filesystem.isdir(path):
            raise BundleError("bundle.not_found", f"{store} has no alias or version {wanted!r} for {name!r}")
    return Place(url, recorded.get(wanted))


def read_aliases(store: str, name: str) -> Aliases:
    """The alias table of a name; an empty one where nothing was promoted yet."""
    filesystem, path = open_url(f"{store}/{name}/{ALIASES}")
    try:
        with filesystem.open(path, "rb") as stream:
            raw = cast(bytes, stream.read(_MAX_JSON_BYTES))
    except FileNotFoundError:
        return Aliases()
    try:
        return Aliases.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise BundleError("bundle.invalid", f"{path} is no alias table: {error.errors()[0]['msg']}") from None


def check_name(text: str) -> str:
    """A name, version or alias that is one plain path segment."""
    try:
        return _name.validate_python(text)
    except ValidationError:
        raise BundleError(
            "bundle.not_found", f"{text!r} cannot be a name", hint="names match [a-z0-9][a-z0-9._-]{0,63}"
        ) from None


def open_url(url: str) -> tuple[Any, str]:
    """The fsspec file system of a path or URL, and the path on it."""
    protocol = split_protocol(url)[0] or "file"
    if protocol not in PROTOCOLS or "::" in url:
        raise BundleError("bundle.not_found", f"{url}: only {', '.join(PROTOCOLS)} and plain paths can hold bundles")
    return cast(tuple[Any, str], fsspec.url_to_fs(url))


def is_local(url: str) -> bool:
    return split_protocol(url)[0] in (None, "file")


def local_copy(url: str, info_name: str) -> Path:
    """The folder itself when it is local, else a copy in the cache, named by the hash of its bundle.json.

    A copy appears in the cache in one rename, so a reader sees a whole one or none. It is verified like any other
    folder each time it is opened.
    """
    filesystem, path = open_url(url)
    if is_local(url):
        return Path(path)
    try:
        with filesystem.open(f"{path}/{info_name}", "rb") as stream:
            raw = cast(bytes, stream.read(_MAX_JSON_BYTES))
    except FileNotFoundError:
        raise BundleError("bundle.not_found", f"no bundle at {url}") from None
    folder = cache_folder() / "bundles" / hashlib.sha256(raw).hexdigest()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as scratch:
        whole = Path(scratch) / "bundle"
        whole.mkdir()
        for source in cast(list[str], filesystem.ls(path, detail=False)):
            filesystem.get_file(source, str(whole / check_name(source.rstrip("/").rpartition("/")[2])))
        try:
            os.rename(whole, folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process was faster, with the same bytes
                raise
    return folder


def cache_folder() -> Path:
    """SONANT_CACHE, or sonant/ in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("SONANT_CACHE") or Path(base) / "sonant")
