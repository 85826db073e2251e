"""Things made ahead by a thread: a bounded number of them, and nothing left running when the reader stops early."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class _End:
    """Last thing in the queue; carries what the maker died of."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch(items: Iterator[T], depth: int) -> Iterator[T]:
    """The same items, up to `depth` of them made before they are asked for. 0: no thread.

    The iterator is only touched by the thread; what it raises is raised here. Closing this generator (leaving a
    `for` does) ends the thread.
    """
    if depth == 0:
        yield from items
        return
    ready: SimpleQueue[T | _End] = SimpleQueue()
    free = threading.Semaphore(depth)
    stop = threading.Event()

    def make() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                ready.put(item)
                free.acquire()
                if stop.is_set():
                    return
        except BaseException as caught:  # KeyboardInterrupt too belongs to the reader
            error = caught
        finally:
            ready.put(_End(error))

    free.acquire()
    thread = threading.Thread(target=make, name="sonant-prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            free.release()
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        free.release()
        thread.join()
