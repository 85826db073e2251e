"""Shares calls of a graph between callers that wait at the same time.

Greedy: what is queued goes, and nobody waits for company unless told to (on CPU a wait costs more than it brings).
Items only share a call with items of the same key, such as equal length, so that padding never makes an answer
depend on its batch mates. Calls that will be short run on the event loop, where they finish sooner than a thread could
start; long ones run in a thread and leave the loop free.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

INLINE_S = 0.005
"""Calls that are expected to take longer than this run in a thread."""
_FORGET = 1.02
"""How much slower than the fastest so far the next call may be expected to be, at most."""


class Pace:
    """Runs blocking work on the loop or in a thread, by how long such work takes when nothing disturbs it.

    Costs are in any unit that time grows with. Until the first call is over, nothing counts as short.
    """

    def __init__(self, inline_s: float = INLINE_S) -> None:
        self._inline_s = inline_s
        self._s_per_cost = float("inf")

    def is_short(self, cost: float) -> bool:
        return self._s_per_cost * cost <= self._inline_s

    def run_here(self, call: Callable[[], Out], cost: float) -> Out:
        """The result of `call`; learns from the time it took."""
        start = time.perf_counter()
        result = call()
        took = (time.perf_counter() - start) / max(cost, 1e-9)
        # A busy machine makes single calls slow: believing them would be hard to unlearn.
        self._s_per_cost = min(took, self._s_per_cost * _FORGET)
        return result

    async def run(self, call: Callable[[], Out], cost: float) -> Out:
        """The result of `call`, from here when it will be short, else from a thread."""
        if self.is_short(cost):
            return self.run_here(call, cost)
        return await asyncio.to_thread(self.run_here, call, cost)


class Batcher(Generic[In, Out]):
    """Collects items and answers them in batches, one call at a time.

    `run` maps items of one key to as many results. `cost` is what an item weighs (samples, for instance); a batch of
    several holds at most `max_cost`. `observe` is told the number of items and the seconds of each call. With `eager`,
    an item that finds nobody waiting and will be short is answered on the spot: right where a batch takes as long as
    its items one by one, which is how CPUs run most small networks.
    """

    def __init__(
        self,
        run: Callable[[Sequence[In]], Sequence[Out]],
        *,
        cost: Callable[[In], float],
        key: Callable[[In], Hashable] = lambda item: None,
        max_batch: int,
        max_cost: float = float("inf"),
        wait_s: float = 0.0,
        eager: bool = False,
        observe: Callable[[int, float], None] = lambda items, seconds: None,
    ) -> None:
        self._run = run
        self._cost = cost
        self._key = key
        self._max_batch = max_batch
        self._max_cost = max_cost
        self._wait_s = wait_s
        self._eager = eager
        self._observe = observe
        self._pace = Pace()
        self._queue: list[tuple[In, asyncio.Future[Out]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, item: In) -> Out:
        """The result for one item. Cancelling the caller takes its item out of the queue."""
        if self._eager and self._worker is None and self._pace.is_short(cost := self._cost(item)):
            start = time.perf_counter()
            [result] = self._pace.run_here(lambda: self._run([item]), cost)
            self._observe(1, time.perf_counter() - start)
            return result
        future: asyncio.Future[Out] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        if self._worker is None:
            self._worker = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        try:
            if self._wait_s:
                await asyncio.sleep(self._wait_s)
            while self._queue:
                await self._answer(self._take())
                # Callers that were just answered run before the next batch is cut, so their next items can join it.
                await asyncio.sleep(0)
        finally:
            self._worker = None

    def _take(self) -> list[tuple[In, asyncio.Future[Out]]]:
        """The oldest item and those behind it that may share its call; nobody overtakes an item of the same key."""
        waiting = [(item, future) for item, future in self._queue if not future.done()]  # done: its caller has gone
        batch: list[tuple[In, asyncio.Future[Out]]] = []
        left: list[tuple[In, asyncio.Future[Out]]] = []
        cost = 0.0
        full = False
        for item, future in waiting:
            cost += self._cost(item)
            full = full or len(batch) == self._max_batch or (bool(batch) and cost > self._max_cost)
            if full or self._key(item) != self._key(waiting[0][0]):
                cost -= self._cost(item)
                left.append((item, future))
            else:
                batch.append((item, future))
        self._queue = left
        return batch

    async def _answer(self, batch: list[tuple[In, asyncio.Future[Out]]]) -> None:
        if not batch:
            return
        items = [item for item, _ in batch]
        start = time.perf_counter()
        try:
            results = await self._pace.run(lambda: self._run(items), sum(map(self._cost, items)))
            assert len(results) == len(items), "run must answer every item"
        except Exception as error:  # every caller of this batch is told; the next batch has nothing to do with it
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
        self._observe(len(items), time.perf_counter() - start)
