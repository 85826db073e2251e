"""A store of bundles: <name>/<version>/ folders, and per name a table of what each alias means and meant.

    store/words/20260801t101500-3fb2a1c9/     a bundle, never changed
    store/words/aliases.json                  every move of every alias, oldest first

Moving an alias is one write of one small file, so a reader sees the old meaning or the new one, and what it meant
before is never lost. On a disk two writers wait for each other; in a bucket the last one counts.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal, cast

from sonant.errors import BundleError
from sonant.export.bundle import publish
from sonant.runtime.bundle import DIGEST, INFO, Bundle, open_bundle
from sonant.runtime.refs import ALIASES, Aliases, Target, check_name, read_aliases
from sonant.track import files


def promote(bundle_ref: str, alias: str, store: str = "store") -> str:
    """Copies a bundle into the store unless it is there, moves the alias to it, and gives its place in the store."""
    check_name(alias)
    bundle = open_bundle(bundle_ref)
    url = files.join(files.absolute(store), bundle.info.name, bundle.info.version)
    if not files.exists(files.join(url, INFO)):
        publish(_contents(bundle), url)
    stored = open_bundle(url)
    if stored.digest != bundle.digest:
        raise BundleError("bundle.invalid", f"{url} is another bundle of the same version: export again")
    _move(files.absolute(store), stored, alias, "promote")
    return url


def rollback(store: str, name: str, alias: str) -> str:
    """Takes the last promotion of an alias back, and gives the place of the version that it means again."""
    where = files.absolute(store)
    line = read_aliases(where, check_name(name)).line(check_name(alias))
    if len(line) < 2:
        raise BundleError("bundle.not_found", f"{name}@{alias} never meant another version", hint="nothing to undo")
    earlier = open_bundle(f"{where}/{name}@{alias}={line[-2].version}")
    _move(where, earlier, alias, "rollback")
    return files.join(where, name, earlier.info.version)


def history(store: str, name: str) -> tuple[Target, ...]:
    """Every move of every alias of a name, oldest first."""
    return read_aliases(files.absolute(store), check_name(name)).moves


def listing(store: str) -> dict[str, dict[str, list[str]]]:
    """What a store holds: {name: {version: [aliases that mean it now]}}, versions oldest first."""
    names: dict[str, dict[str, list[str]]] = {}
    for name in _folders(store):
        current = read_aliases(files.absolute(store), name).current()
        names[name] = {
            version: sorted(alias for alias, target in current.items() if target.version == version)
            for version in _folders(files.join(store, name))
        }
    return names


def _move(store: str, bundle: Bundle, alias: str, why: Literal["promote", "rollback"]) -> None:
    name = bundle.info.name
    now = datetime.now(UTC).isoformat(timespec="seconds")
    target = Target(alias=alias, version=bundle.info.version, sha256=bundle.digest, since=now, why=why)
    with _alone(files.join(store, name)):
        moved = Aliases(moves=(*read_aliases(store, name).moves, target))
        files.write_bytes(files.join(store, name, ALIASES), (moved.model_dump_json(indent=1) + "\n").encode())


@contextmanager
def _alone(folder: str) -> Generator[None]:
    """One writer at a time, where the store is on a disk: two tables that were read at once would forget a move."""
    disk = files.on_disk(folder)
    if disk is None:
        yield
        return
    with open(os.path.join(disk, ".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _contents(bundle: Bundle) -> dict[str, bytes]:
    """All files as they were verified, bundle.json last."""
    contents = {name: bundle.read(name) for name in bundle.info.files}
    return contents | {name: (bundle.path / name).read_bytes() for name in (DIGEST, INFO)}


def _folders(url: str) -> list[str]:
    found, inner = files.filesystem(files.absolute(url))
    if not found.isdir(inner):
        return []
    entries = cast(list[dict[str, str]], found.ls(inner, detail=True))
    names = [entry["name"].rstrip("/").rpartition("/")[2] for entry in entries if entry["type"] == "directory"]
    return sorted(name for name in names if not name.startswith("."))
