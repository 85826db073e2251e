"""One caller a pass of the loop, in the order they came; who goes away does not hold up the others."""

from __future__ import annotations

import asyncio
import itertools

from sonant.edge.turnstile import Turnstile


def test_between_two_callers_the_loop_comes_by_in_order_of_arrival() -> None:
    """What the loop does once a pass stands for its sockets: a timer that sets itself again."""

    async def run() -> list[str]:
        turnstile, log = Turnstile(), []
        loop = asyncio.get_running_loop()

        def sockets() -> None:
            log.append("sockets")
            if len(log) < 100:
                loop.call_soon(sockets)

        async def request(name: str) -> None:
            await turnstile.passed()
            log.append(name)

        loop.call_soon(sockets)
        await asyncio.gather(*(request(name) for name in "abcd"))
        return log

    log = asyncio.run(run())
    assert [entry for entry in log if entry != "sockets"] == list("abcd")
    turns = [log.index(name) for name in "abcd"]
    assert all("sockets" in log[start:end] for start, end in itertools.pairwise(turns)), log


def test_a_caller_that_goes_away_gives_its_turn_to_the_next() -> None:
    async def run() -> list[str]:
        turnstile, passed = Turnstile(), []

        async def request(name: str) -> None:
            await turnstile.passed()
            passed.append(name)

        tasks = [asyncio.create_task(request(name)) for name in "abcd"]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.wait(tasks, timeout=5)
        await request("later")
        return passed

    assert asyncio.run(run()) == ["a", "c", "d", "later"]
