"""[ray] Moves an alias, and what runs by it: `sonant promote --serve`, `sonant rollback --serve`.

Only applications that name the alias are replaced. When one does not start, what ran before is brought back, and so is
the alias.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sonant.cluster.deploy import Running, absolute, ours, put, repointed, running, succeeding, told, whole
from sonant.cluster.session import joined
from sonant.config.serve import HomeApplication
from sonant.errors import EnvError
from sonant.runtime.refs import named


def moved(
    move: Callable[[], str], undo: Callable[[str], object], alias: str, store: str, address: str
) -> tuple[str, list[str]]:
    """Moves an alias, and has the applications of a running server follow: the place of the bundle that it means now,
    and their names. `undo` takes the name of the bundle and moves the alias back."""
    with joined(address):
        before = running()  # what cannot be reached is told before anything moves
        url = move()
        name, version = url.rsplit("/", 2)[1:]
        try:
            return url, follow(store, name, alias, version, before)
        except EnvError as error:
            put(list(before.values()), running())
            undo(name)
            told = f"{error.message}: what ran before runs again, and {name}@{alias} means what it meant"
            raise EnvError(error.code, told, hint=error.hint) from error


def follow(store: str, name: str, alias: str, version: str, before: Running) -> list[str]:
    """Has those applications of `before` that name an alias serve a version of it: their names."""

    def change(ref: str) -> str:
        parts = named(ref)
        if parts is None or (parts.name, parts.alias) != (name, alias) or not _same(parts.store, store):
            return ref
        return str(parts._replace(store=whole(parts.store), version=version))

    after: list[dict[str, Any]] = []
    for one in before.values():
        app = ours(one)
        if app is None or isinstance(app, HomeApplication) or (moved := repointed(app, change)) == app:
            continue
        after.append({**one, "args": told(succeeding(moved, one))["args"]})
    return put(after, before) if after else []


def _same(one: str, other: str) -> bool:
    return absolute(one) == absolute(other)
