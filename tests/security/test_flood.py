"""Clients that send faster than they speak, or nothing at all, beside one that is live: it waits for one piece of
theirs at most, and their slots come back. Over real sockets and with a thousand of them: benchmarks/flood.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from sonant.edge import haste

FAST, CHUNK = 3, bytes(2 * 640)
"""Sessions that are too fast; 40 ms of a client that is live."""


@pytest.fixture(scope="module")
def classify(replicas: Callable[..., list[Any]]) -> Any:
    return next(one for one in replicas() if one.name == "classify")


async def until(true: Callable[[], bool]) -> None:
    for _ in range(100_000):
        if true():
            return
        await asyncio.sleep(0)
    raise AssertionError("it does not come true")


def test_a_live_session_waits_for_one_piece_of_the_hasty_ones(
    classify: Any, open_socket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(haste, "AHEAD_S", 0.5)
    serving = classify.replica._face.live
    pool, step = serving.pool, serving.pool.step
    calls: list[list[int]] = []
    monkeypatch.setattr(
        pool, "step", lambda ready: (calls.append([len(chunk) for chunk in ready.values()]), step(ready))[1]
    )
    path = f"{classify.prefix}/stream"

    async def run() -> None:
        sockets = [open_socket(classify, path) for _ in range(FAST + 1)]
        for one in sockets:
            one.say('{"type": "start", "scores": true}')
        *fast, healthy = sockets
        for one in fast:
            one.say(bytes(2 * 16_000))  # what it may send before its time
        await until(lambda: sum(map(sum, calls)) >= FAST * 15_000)
        calls.clear()
        for one in fast:
            one.say(bytes(2 * 160_000))
        for _ in range(25):
            healthy.say(CHUNK)
        healthy.say('{"type": "end"}')
        await asyncio.wait_for(healthy.task, 60)
        assert healthy.close_code == 1000
        together = [sizes for sizes in calls if len(sizes) > 1]
        assert all(len(sizes) <= 2 for sizes in calls), "hasty sessions take turns"
        assert all(sum(sizes) <= haste.HASTY_BYTES // 2 + pool.hop + len(CHUNK) for sizes in together)
        for one in fast:
            one.leave()
        await asyncio.wait_for(asyncio.gather(*(one.task for one in fast), return_exceptions=True), 60)

    asyncio.run(run())
    assert pool.used == 0


def test_silent_sockets_give_their_slots_back(classify: Any, open_socket: Any) -> None:
    pool = classify.replica._face.live.pool
    path = f"{classify.prefix}/stream"

    async def run() -> None:
        silent = [open_socket(classify, path) for _ in range(pool.capacity)]
        silent[0].say('{"type": "start"}')
        await until(lambda: pool.used == pool.capacity)
        late = open_socket(classify, path)
        await asyncio.wait_for(late.task, 10)
        assert late.close_code == 1013
        await asyncio.wait_for(asyncio.gather(*(one.task for one in silent)), 30)
        assert {one.close_code for one in silent} == {4408}

    asyncio.run(run())
    assert pool.used == 0
