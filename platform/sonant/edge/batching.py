"""Shares calls between callers that wait at the same time: of a graph in this process, or of another process.

Greedy: what is queued goes, and nobody waits for company unless told to (on CPU a wait costs more than it brings).
Items only share a call with items of the same key, such as equal length, so that padding never makes an answer
depend on its batch mates. Calls that will be short run on the event loop, where they finish sooner than a thread could
start; long ones run in a thread and leave the loop free. Another process costs a millisecond of CPU a call, whatever
is in it: callers share that, too.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from typing import Any, Generic, Required, TypedDict, TypeVar, Unpack

In = TypeVar("In")
Out = TypeVar("Out")

INLINE_S = 0.005
"""Calls that are expected to take longer than this run in a thread."""
PATIENCE_S = 0.01
"""Longest wait for a call of another process that is out: several times what a call costs."""
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


class Cut(TypedDict, Generic[In], total=False):
    """How items are cut into batches."""

    cost: Required[Callable[[In], float]]
    """What an item weighs (samples, for instance)."""
    key: Callable[[In], Hashable]
    """Items of different keys share no call."""
    max_batch: Required[int]
    """Items in a call."""
    max_cost: float
    """Most that a batch of several weighs."""
    wait_s: float
    """Time to wait for company."""
    observe: Callable[[int, float], None]
    """Told the number of items and the seconds of each call."""


class Shared(ABC, Generic[In, Out]):
    """Collects items and answers them in batches."""

    def __init__(self, **cut: Unpack[Cut[In]]) -> None:
        self._cost = cut["cost"]
        self._key = cut.get("key", lambda item: None)
        self._max_batch = cut["max_batch"]
        self._max_cost = cut.get("max_cost", float("inf"))
        self._wait_s = cut.get("wait_s", 0.0)
        self._observe = cut.get("observe", lambda items, seconds: None)
        self._queue: list[tuple[In, asyncio.Future[Out]]] = []
        self._workers: set[asyncio.Task[None]] = set()

    async def submit(self, item: In) -> Out:
        """The result for one item. Cancelling the caller takes its item out of the queue."""
        future: asyncio.Future[Out] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        self._look()
        return await future

    @abstractmethod
    async def _call(self, items: Sequence[In]) -> Sequence[Out]:
        """As many results as there are items, which have one key."""

    def _look(self) -> None:
        """Somebody waits: begins a call, or leaves it to one that is out."""
        if not self._workers:
            self._work()

    def _work(self) -> None:
        # A batch belongs to nobody: in the context of its first caller it would end when that one leaves.
        worker = asyncio.get_running_loop().create_task(self._drain(), context=Context())
        self._workers.add(worker)

    async def _drain(self) -> None:
        me: Any = asyncio.current_task()
        try:
            if self._wait_s:
                await asyncio.sleep(self._wait_s)
            while self._queue:
                batch = self._take()
                if self._queue:
                    self._look()
                await self._answer(batch)
                # Callers that were just answered run before the next batch is cut, so their next items can join it.
                await asyncio.sleep(0)
                if len(self._workers) > 1:
                    break
        finally:
            self._workers.discard(me)
            if self._queue:
                self._look()

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
            results = await self._call(items)
            assert len(results) == len(items), "a call must answer every item"
        except Exception as error:  # every caller of this batch is told; the next batch has nothing to do with it
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
        self._observe(len(items), time.perf_counter() - start)


class Batcher(Shared[In, Out]):
    """Batches for work in this process: `run` maps items of one key to as many results, one call at a time.

    With `eager`, an item that finds nobody waiting and will be short is answered on the spot: right where a batch takes
    as long as its items one by one, which is how CPUs run most small networks.
    """

    def __init__(
        self, run: Callable[[Sequence[In]], Sequence[Out]], *, eager: bool = False, **cut: Unpack[Cut[In]]
    ) -> None:
        super().__init__(**cut)
        self._run = run
        self._eager = eager
        self._pace = Pace()

    async def submit(self, item: In) -> Out:
        """The result for one item. Cancelling the caller takes its item out of the queue."""
        if self._eager and not self._workers and self._pace.is_short(cost := self._cost(item)):
            start = time.perf_counter()
            [result] = self._pace.run_here(lambda: self._run([item]), cost)
            self._observe(1, time.perf_counter() - start)
            return result
        return await super().submit(item)

    async def _call(self, items: Sequence[In]) -> Sequence[Out]:
        return await self._pace.run(lambda: self._run(items), sum(map(self._cost, items)))


class Courier(Shared[In, Out]):
    """Batches for another process: `send` maps items of one key to as many results.

    While a call is out, what comes waits and fills the next one: so calls grow with the load, and what a call costs is
    shared by more. But nobody waits longer than `patience_s`, and a full batch goes at once: where calls take long, or
    there are replicas to spread them over, many are out.
    """

    def __init__(
        self,
        send: Callable[[Sequence[In]], Awaitable[Sequence[Out]]],
        *,
        patience_s: float = PATIENCE_S,
        **cut: Unpack[Cut[In]],
    ) -> None:
        super().__init__(**cut)
        self._send = send
        self._patience_s = patience_s
        self._timer: asyncio.TimerHandle | None = None

    async def _call(self, items: Sequence[In]) -> Sequence[Out]:
        return await self._send(items)

    def _look(self) -> None:
        if not self._workers or len(self._queue) >= self._max_batch:
            self._work()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._patience_s, self._overdue)

    def _overdue(self) -> None:
        self._timer = None
        if self._queue:
            self._work()
