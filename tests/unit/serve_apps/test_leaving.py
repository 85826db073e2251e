"""A replica that is being stopped tells its live sessions, whoever stops it."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from serve_apps.leaving import Leaving


class Sessions:
    """Remembers how it was drained."""

    def __init__(self) -> None:
        self.drained: list[tuple[float, float]] = []
        self.told = asyncio.Event()

    async def drain(self, within_s: float, hold_s: float = 60.0) -> int:
        self.drained.append((within_s, hold_s))
        self.told.set()
        return 1


async def routes(scope: Any, receive: Any, send: Any) -> None:
    """Routes that answer nothing."""


async def call(app: Leaving, kind: str) -> None:
    await app({"type": kind}, None, None)  # type: ignore[arg-type]


def test_sessions_are_drained_once_and_nobody_is_let_in_again() -> None:
    async def run() -> list[tuple[float, float]]:
        sessions, looks = Sessions(), iter([False, True])
        app = Leaving(routes, sessions, 7.0, leaving=lambda: next(looks))
        await call(app, "websocket")
        await call(app, "websocket")
        async with asyncio.timeout(10):
            await sessions.told.wait()
        return sessions.drained

    assert asyncio.run(run()) == [(7.0, math.inf)]


def test_without_a_live_session_nobody_looks() -> None:
    async def run() -> None:
        app = Leaving(routes, Sessions(), 7.0, leaving=lambda: 1 // 0)
        await call(app, "http")
        assert app._watch is None

    asyncio.run(run())
