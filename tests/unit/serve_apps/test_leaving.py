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


async def held(scope: Any, receive: Any, send: Any) -> None:
    """Routes that answer when they are told to."""
    await receive()


async def call(app: Leaving, kind: str, until: asyncio.Event) -> None:
    await app({"type": kind}, until.wait, None)  # type: ignore[arg-type]


def test_sessions_are_drained_once_and_nobody_is_let_in_again() -> None:
    async def run() -> list[tuple[float, float]]:
        sessions, over, looks = Sessions(), asyncio.Event(), iter([False, True])
        app = Leaving(held, sessions, 7.0, leaving=lambda: next(looks))
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(call(app, "websocket", over))
            await sessions.told.wait()
            over.set()
        async with asyncio.timeout(10):
            await call(app, "websocket", over)  # one that comes late finds the replica drained already
        return sessions.drained

    assert asyncio.run(run()) == [(7.0, math.inf)]


def test_nobody_looks_when_there_is_no_live_session() -> None:
    async def run() -> None:
        over, looks = asyncio.Event(), 0

        def leaving() -> bool:
            nonlocal looks
            looks += 1
            return False

        app = Leaving(held, Sessions(), 7.0, leaving=leaving)
        over.set()
        await call(app, "http", over)
        assert looks == 0
        over.clear()
        task = asyncio.create_task(call(app, "websocket", over))
        while not looks:
            await asyncio.sleep(0)
        over.set()
        await task
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())
