"""Clients that send faster than they speak, or nothing at all, beside one that is live: it waits for one piece of
theirs at most, and their slots come back. Over real sockets and with a thousand of them: benchmarks/flood.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from sonant.edge import haste

TOGETHER = 4
"""Sessions, as many as there are slots."""


@pytest.fixture(scope="module")
def classify(replicas: Callable[..., list[Any]]) -> Any:
    return next(one for one in replicas() if one.name == "classify")


async def until(true: Callable[[], bool]) -> None:
    for _ in range(100_000):
        if true():
            return
        await asyncio.sleep(0)
    raise AssertionError("it does not come true")


@pytest.mark.parametrize("ahead", [True, False])
def test_only_sessions_in_time_share_a_call(
    classify: Any, open_socket: Any, monkeypatch: pytest.MonkeyPatch, ahead: bool
) -> None:
    monkeypatch.setattr(haste, "AHEAD_S", -1e9 if ahead else 1e9)
    pool = classify.replica._face.live.pool
    step = pool.step
    calls: list[list[int]] = []

    def stepped(ready: Any) -> Any:
        calls.append([len(chunk) for chunk in ready.values()])
        return step(ready)

    monkeypatch.setattr(pool, "step", stepped)

    async def run() -> None:
        sockets = [open_socket(classify, f"{classify.prefix}/stream") for _ in range(TOGETHER)]
        for one in sockets:
            one.say('{"type": "start", "scores": true}')
            for _ in range(2):
                one.say(bytes(32_000))
            one.say('{"type": "end"}')
        await asyncio.wait_for(asyncio.gather(*(one.task for one in sockets)), 60)
        assert {one.close_code for one in sockets} == {1000}

    asyncio.run(run())
    if ahead:
        assert {len(sizes) for sizes in calls} == {1}, "they take turns"
        assert max(map(max, calls)) <= haste.PIECE + pool.hop, "piece by piece"
    else:
        assert max(map(len, calls)) > 1
        assert max(map(max, calls)) > haste.PIECE + pool.hop
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
