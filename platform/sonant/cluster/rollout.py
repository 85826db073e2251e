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
from sonant.runtime.refs import Named, named


def moved(
    move: Callable[[], str], undo: Callable[[str], object], alias: str, store: str, address: str
) -> tuple[str, list[str]]:
    """Moves an alias, and has the applications of a running server follow: the place of the bundle that it means now,
    and their names. `undo` takes the name of the bundle and moves the alias back."""
    with joined(address):
        before = running()  # what cannot be reached is told before anything moves
        url = move()
        name, version = url.rsplit("/", 2)[1:]
        after = followers(before, Named(store, name, alias, version))
        try:
            return url, put(after, before) if after else []
        except EnvError as error:
            put([before[one["name"]] for one in after], running())
            undo(name)
            what = f"{error.message}: what ran before runs again, and {name}@{alias} means what it meant"
            raise EnvError(error.code, what, hint=error.hint) from error


def followers(before: Running, moved: Named) -> list[dict[str, Any]]:
    """Those applications that name an alias, as they are when it means another version."""

    def change(ref: str) -> str:
        parts = named(ref)
        if parts is None or parts[1:3] != moved[1:3] or absolute(parts.store) != absolute(moved.store):
            return ref
        return str(parts._replace(store=whole(parts.store), version=moved.version))

    after: list[dict[str, Any]] = []
    for one in before.values():
        app = ours(one)
        if app is None or isinstance(app, HomeApplication) or (other := repointed(app, change)) == app:
            continue
        after.append({**one, "args": told(succeeding(other, one))["args"]})
    return after
