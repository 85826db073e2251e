"""Who is told of a run's events as they happen: a person at a terminal, W&B, and whoever called."""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager

from sonant.track.events import Event, EventTail
from sonant.track.wandb import mirror
from sonant.train.display import Display
from sonant.train.run import Run
from sonant.train.writer import Watch

_POLL_S = 0.5


@contextmanager
def watchers(run: Run, report: Watch | None) -> Generator[Watch]:
    """One function that hands an event to all. A caller with its own `report` (a search) gets no progress line."""
    shown = report if report is not None else Display(sys.stderr, run.config.train.metric)
    with mirror(run.path, run.config) as mirrored:

        def tell(event: Event) -> None:
            shown(event)
            mirrored(event)

        yield tell


@contextmanager
def following(run: Run, tell: Watch) -> Generator[None]:
    """Tells of the events that another process writes, until the block is left and the last one was told."""
    tail, over = EventTail(run.path, from_start=False), threading.Event()
    failure: list[BaseException] = []

    def follow() -> None:
        try:
            ended = False
            while not ended:
                ended = over.wait(_POLL_S)
                for event in tail.new():
                    tell(event)
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=follow, name="sonant-follow", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failure:
        raise failure[0]
