"""One request or live session on its way through a replica: what is counted, logged and traced of it.

Whoever works on it notes here how long a stage took, how much sound came and went and how it ended, and knows nothing
of counters, log files or traces: `edge.metrics` and `edge.watch` read it at the end. Nothing of what was said is in it.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, NamedTuple, TypeVar

Stage = Literal["queue", "decode", "graph", "answer"]
"""queue: waiting for a place or for the graph; decode: bytes to samples; graph: the network; answer: what is told."""
Item = TypeVar("Item")


class Timed(NamedTuple):
    """A stage that was gone through; a request with several recordings goes through some of them several times."""

    stage: Stage
    start_s: float
    """On the clock of time.perf_counter."""
    seconds: float


class Visit:
    """What is known of one request or socket."""

    def __init__(self, request_id: str = "") -> None:
        self.request_id = request_id
        self.session = ""
        """Id of the live session: the same when it goes on elsewhere."""
        self.start_s = time.perf_counter()
        self.stages: list[Timed] = []
        self.audio_s = 0.0
        """Sound that came in."""
        self.outcome = ""
        """ok, done, gone, drained or the code of an error; empty: nobody has said yet."""
        self.labels: Mapping[str, str] = {}
        """Task, model and version that answer, once it is known: a candidate on trial is another than the rest."""
        self.counted = False
        """Whether the metrics have it."""

    @property
    def age_s(self) -> float:
        """Seconds since it came."""
        return time.perf_counter() - self.start_s

    def note(self, stage: Stage, start_s: float, seconds: float) -> None:
        """A stage is over. May be called in any thread."""
        self.stages.append(Timed(stage, start_s, seconds))

    def spent(self, *stages: Stage) -> float | None:
        """Seconds in these stages; None: there were none of them."""
        found = [one.seconds for one in self.stages if one.stage in stages]
        return sum(found) if found else None


_current: ContextVar[Visit | None] = ContextVar("visit", default=None)


def here() -> Visit:
    """The visit that this task works for; one that nobody reads where there is none."""
    return _current.get() or Visit()


@contextmanager
def entered(new: Visit | None = None) -> Generator[Visit]:
    """Work inside is work for `new`; without one, for the visit that is there already, or for one of its own."""
    before = _current.get()
    visit = new or before or Visit()
    _current.set(visit)
    try:
        yield visit
    finally:
        # Not reset by a token: an answer that streams may end in another context than it began in.
        _current.set(before)


@contextmanager
def stage(name: Stage) -> Generator[None]:
    """Times a stage, however it ends."""
    start = time.perf_counter()
    try:
        yield
    finally:
        here().note(name, start, time.perf_counter() - start)


class Lap:
    """Stages that take turns, such as decoding and the network over parts of one recording; each is noted once."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._inside = 0.0

    def inside(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items; the time that it takes to get them belongs to the inner stage."""
        iterator = iter(items)
        while True:
            start = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self._inside += time.perf_counter() - start
            yield item

    def note(self, inner: Stage, outer: Stage) -> None:
        """Both are over: what the inner one did not take, the outer one did."""
        visit, seconds = here(), time.perf_counter() - self._start
        visit.note(inner, self._start, self._inside)
        visit.note(outer, self._start, seconds - self._inside)
