"""[ray] Live sessions of a replica that Serve stops are told, and saved, while it still stands.

Serve has no hook for that: it takes a replica out of its lists (fewer replicas are wanted, its node is drained, another
version comes), waits until it has nothing to do or `graceful_shutdown_timeout_s` is over, and only then calls it. A
live session has always something to do. So a replica looks by itself whether it is being stopped.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)

_LOOK_S = 0.2


class Drains(Protocol):
    """Live sessions, as `edge.live.Live` has them."""

    async def drain(self, within_s: float, hold_s: float = ...) -> int:
        """Ends all sessions and lets nobody in."""
        ...


def is_leaving() -> bool:
    """Whether Serve has begun to stop the replica of this process. Ray has no public way to ask."""
    from ray._private import worker

    actors: dict[Any, Any] = worker.global_worker.actors
    return any(bool(actor._replica_impl._shutting_down) for actor in actors.values())


class Leaving:
    """Stands before the routes of a replica; while there are live sessions, it looks whether the replica is stopped,
    and then ends them: they go on elsewhere, or have `within_s`."""

    def __init__(
        self, app: ASGIApp, live: Drains, within_s: float, *, leaving: Callable[[], bool] = is_leaving
    ) -> None:
        self._app, self._live, self._within_s, self._leaving = app, live, within_s, leaving
        self._open = 0
        self._left = False
        self._watch: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            return await self._app(scope, receive, send)
        self._open += 1
        if self._watch is None:
            self._watch = asyncio.create_task(self._until_left())
        try:
            await self._app(scope, receive, send)
        finally:
            self._open -= 1
            if not self._open and not self._left:
                self._watch.cancel()
                self._watch = None

    async def _until_left(self) -> None:
        while not self._leaving():
            await asyncio.sleep(_LOOK_S)
        self._left = True
        told = await self._live.drain(self._within_s, math.inf)
        log.info("this replica is stopped: %d live sessions were told", told)
