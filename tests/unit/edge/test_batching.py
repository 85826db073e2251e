"""Batches hold what was waiting, never mix keys, and answer everybody exactly once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from contextvars import ContextVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.edge.batching import Batcher, Courier, Pace


class Recorder:
    """Doubles numbers, and remembers the batches and the threads that it was called with."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.threads: set[int] = set()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.threads.add(threading.get_ident())
        if 13 in items:
            raise ValueError("thirteen")
        return [2 * item for item in items]


def gather(batcher: Batcher[int, int], items: Sequence[int]) -> list[int | BaseException]:
    async def run() -> list[int | BaseException]:
        return await asyncio.gather(*(batcher.submit(item) for item in items), return_exceptions=True)

    return asyncio.run(run())


def test_what_waits_at_the_same_time_shares_a_call() -> None:
    run = Recorder()
    assert gather(Batcher(run, cost=lambda item: 1, max_batch=8), [1, 2, 3]) == [2, 4, 6]
    assert run.batches == [[1, 2, 3]]


def test_a_single_item_does_not_wait_for_company() -> None:
    run = Recorder()
    batcher = Batcher(run, cost=lambda item: 1, max_batch=8)

    async def one_by_one() -> list[int]:
        return [await batcher.submit(item) for item in (1, 2)]

    assert asyncio.run(one_by_one()) == [2, 4]
    assert run.batches == [[1], [2]]


def test_with_a_wait_late_comers_join() -> None:
    run = Recorder()
    batcher = Batcher(run, cost=lambda item: 1, max_batch=8, wait_s=0.05)

    async def run_all() -> None:
        first = asyncio.create_task(batcher.submit(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.gather(first, batcher.submit(2))

    asyncio.run(run_all())
    assert run.batches == [[1, 2]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 50).filter(lambda item: item != 13), min_size=1, max_size=40), st.integers(1, 6))
def test_keys_never_mix_limits_hold_and_order_is_kept(items: list[int], max_batch: int) -> None:
    run = Recorder()
    batcher = Batcher(run, cost=float, key=lambda item: item % 3, max_batch=max_batch, max_cost=60)
    assert gather(batcher, items) == [2 * item for item in items]
    assert sorted(item for batch in run.batches for item in batch) == sorted(items)
    for batch in run.batches:
        assert len({item % 3 for item in batch}) == 1
        assert len(batch) <= max_batch
        assert len(batch) == 1 or sum(batch) <= 60
    for key in range(3):
        answered = [item for batch in run.batches for item in batch if item % 3 == key]
        assert answered == [item for item in items if item % 3 == key]


def test_a_failing_call_tells_its_own_callers_only() -> None:
    run = Recorder()
    answers = gather(Batcher(run, cost=lambda item: 1, key=lambda item: item % 2, max_batch=8), [1, 13, 2])
    assert [type(answer) for answer in answers] == [ValueError, ValueError, int]


def test_a_run_that_forgets_an_item_is_an_error_for_all() -> None:
    answers = gather(Batcher(lambda items: items[1:], cost=lambda item: 1, max_batch=8), [1, 2])
    assert all(isinstance(answer, AssertionError) for answer in answers)


def test_a_cancelled_caller_costs_nothing() -> None:
    run = Recorder()
    batcher = Batcher(run, cost=lambda item: 1, max_batch=8)

    async def cancel_one() -> int:
        gone = asyncio.create_task(batcher.submit(1))
        kept = asyncio.create_task(batcher.submit(2))
        await asyncio.sleep(0)
        gone.cancel()
        return await kept

    assert asyncio.run(cancel_one()) == 4
    assert run.batches == [[2]]


def test_the_batcher_serves_again_after_a_pause() -> None:
    run = Recorder()
    batcher = Batcher(run, cost=lambda item: 1, max_batch=8)

    async def twice() -> list[int]:
        first = await batcher.submit(1)
        for _ in range(5):
            await asyncio.sleep(0)
        return [first, await batcher.submit(2)]

    assert asyncio.run(twice()) == [2, 4]


def test_calls_are_observed() -> None:
    seen: list[tuple[int, float]] = []
    batcher = Batcher(Recorder(), cost=lambda item: 1, max_batch=2, observe=lambda *call: seen.append(call))

    async def run_all() -> None:
        await asyncio.gather(*(batcher.submit(item) for item in (1, 2, 3)))
        while len(seen) < 2:
            await asyncio.sleep(0)

    asyncio.run(run_all())
    assert [rows for rows, _ in seen] == [2, 1]
    assert all(seconds >= 0 for _, seconds in seen)


def test_quick_work_moves_onto_the_loop_and_slow_work_stays_off_it() -> None:
    async def threads_of(pace: Pace, cost: float) -> list[bool]:
        here = threading.get_ident()
        return [await pace.run(threading.get_ident, cost) == here for _ in range(3)]

    assert asyncio.run(threads_of(Pace(inline_s=10.0), 1)) == [False, True, True]
    assert asyncio.run(threads_of(Pace(inline_s=0.0), 1)) == [False, False, False]


def test_one_slow_call_does_not_drive_quick_work_off_the_loop() -> None:
    pace = Pace(inline_s=0.02)

    async def run_all() -> bool:
        await pace.run(lambda: None, 1)
        await pace.run(lambda: time.sleep(0.05), 1)
        return await pace.run(threading.get_ident, 1) == threading.get_ident()

    assert asyncio.run(run_all())


def test_an_eager_batcher_answers_on_the_spot_and_still_batches_behind_a_long_call() -> None:
    run = Recorder()
    batcher = Batcher(run, cost=lambda item: 1 if item < 10 else 1e12, max_batch=8, eager=True)

    async def run_all() -> list[int]:
        first = [await batcher.submit(item) for item in (1, 2)]
        long = asyncio.create_task(batcher.submit(11))
        await asyncio.sleep(0)
        return first + await asyncio.gather(long, *(batcher.submit(item) for item in (3, 4)))

    assert asyncio.run(run_all()) == [2, 4, 22, 6, 8]
    assert run.batches[:2] == [[1], [2]]
    assert sorted(map(len, run.batches[2:])) in ([1, 2], [3])


def test_an_eager_batcher_passes_errors_on() -> None:
    batcher = Batcher(Recorder(), cost=lambda item: 1, max_batch=8, eager=True)
    assert gather(batcher, [1]) == [2]
    [error] = gather(batcher, [13])
    assert isinstance(error, ValueError)


@pytest.mark.parametrize("cost", [0, 1e9])
def test_any_cost_is_fine(cost: float) -> None:
    pace = Pace()
    assert [asyncio.run(pace.run(lambda: 5, cost)) for _ in range(2)] == [5, 5]


# ---- calls of another process ---------------------------------------------------------------------------------------


class Wire:
    """Doubles numbers somewhere else: a call is answered when the test says so."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self._out: list[asyncio.Future[None]] = []

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self._out.append(asyncio.get_running_loop().create_future())
        await self._out[-1]
        return [2 * item for item in items]

    def answer(self, call: int) -> None:
        self._out[call].set_result(None)


async def passes(loops: int = 10) -> None:
    for _ in range(loops):
        await asyncio.sleep(0)


async def one_by_one(courier: Courier[int, int], items: Sequence[int]) -> list[asyncio.Task[int]]:
    tasks: list[asyncio.Task[int]] = []
    for item in items:
        tasks.append(asyncio.create_task(courier.submit(item)))
        await passes()
    return tasks


def test_a_courier_gathers_what_comes_while_a_call_is_out() -> None:
    wire = Wire()
    courier = Courier(wire, patience_s=1e9, cost=lambda item: 1, max_batch=8)

    async def run() -> list[int]:
        tasks = await one_by_one(courier, range(4))
        assert wire.batches == [[0]]
        wire.answer(0)
        await passes()
        assert wire.batches == [[0], [1, 2, 3]]
        wire.answer(1)
        return await asyncio.gather(*tasks)

    assert asyncio.run(run()) == [0, 2, 4, 6]


def test_a_full_batch_does_not_wait_for_the_call_that_is_out() -> None:
    wire = Wire()
    courier = Courier(wire, patience_s=1e9, cost=lambda item: 1, max_batch=3)

    async def run() -> None:
        tasks = await one_by_one(courier, range(6))
        assert wire.batches == [[0], [1, 2, 3]]
        wire.answer(1)
        await passes()
        assert wire.batches == [[0], [1, 2, 3]], "the first call is still out"
        wire.answer(0)
        await passes()
        assert wire.batches == [[0], [1, 2, 3], [4, 5]]
        wire.answer(2)
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_nobody_waits_long_for_a_call_that_is_out() -> None:
    wire = Wire()
    courier = Courier(wire, patience_s=0.001, cost=lambda item: 1, key=lambda item: item % 2, max_batch=8)

    async def run() -> None:
        tasks = await one_by_one(courier, range(4))
        while sum(map(len, wire.batches)) < 4:
            await asyncio.sleep(0.001)
        assert len(wire.batches) >= 3, "keys never mix"
        for call in range(len(wire.batches)):
            wire.answer(call)
        assert await asyncio.gather(*tasks) == [0, 2, 4, 6]

    asyncio.run(run())


def test_a_call_outlives_the_caller_that_began_it() -> None:
    wire = Wire()
    whose: ContextVar[str] = ContextVar("whose", default="nobody's")
    seen: list[str] = []

    async def send(items: Sequence[int]) -> list[int]:
        seen.append(whose.get())
        return list(await wire(items))

    courier = Courier(send, cost=lambda item: 1, max_batch=8)

    async def run() -> int:
        whose.set("the first one's")
        first = asyncio.create_task(courier.submit(1))
        second = asyncio.create_task(courier.submit(2))
        await passes()
        first.cancel()
        await passes()
        wire.answer(0)
        return await second

    assert asyncio.run(run()) == 4
    assert (wire.batches, seen) == ([[1, 2]], ["nobody's"])
