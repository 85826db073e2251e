"""A live session for callers that do not use asyncio: chunks in, answers out, as an iterator."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from queue import SimpleQueue
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from sonant.client.live import Answer, LiveClient

_LOOK_S = 1.0
"""How long a thread waits for a session before it looks whether there still is one."""


class Talk:
    """One session, from now on: a `LiveClient` in a thread, another one to read `chunks` in. Iterate once over the
    answers; each comes as soon as it is there. What goes wrong in any of the threads is raised there."""

    def __init__(self, client: LiveClient, chunks: Iterable[bytes]) -> None:
        self.client = client
        self._chunks = chunks
        self._came: SimpleQueue[Answer | BaseException | None] = SimpleQueue()
        self._running, self._stopped = Event(), Event()
        Thread(target=self._listen, name="sonant-listen", daemon=True).start()
        self._running.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Answer]:
        try:
            while (answer := self._came.get()) is not None:
                if isinstance(answer, BaseException):
                    raise answer
                yield answer
        finally:
            self.close()

    def set(self, *, dry: float) -> None:
        """The share of what is sent from here on that is mixed with the answer."""
        self._call(self.client.set(dry=dry))

    def pause(self) -> None:
        """No sound for a while: the server is told to be patient."""
        self._call(self.client.pause())

    def close(self) -> None:
        """Ends the session where it is, if it has not ended."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._call(self._leave())

    def _listen(self) -> None:
        last: BaseException | None = None
        try:
            with asyncio.Runner() as runner:
                self._loop = runner.get_loop()
                runner.run(self._session())
        except asyncio.CancelledError:
            pass  # closed
        except BaseException as error:  # told where it is waited for
            last = error
        self._stopped.set()
        self._came.put(last)

    async def _session(self) -> None:
        self._task = asyncio.current_task()
        self._running.set()
        async with self.client:
            Thread(target=self._speak, name="sonant-speak", daemon=True).start()
            async for answer in self.client:
                self._came.put(answer)

    async def _leave(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _speak(self) -> None:
        try:
            for chunk in self._chunks:
                if self._stopped.is_set() or self.client.over:
                    return
                self._call(self.client.send(chunk))
            self._call(self.client.end())
        except BaseException as error:  # a microphone that fails must end the session
            self._came.put(error)

    def _call(self, what: Coroutine[Any, Any, None]) -> None:
        """Runs it in the session's thread; nothing where the session is over."""
        try:
            done = asyncio.run_coroutine_threadsafe(what, self._loop)
        except RuntimeError:  # the loop is closed
            return what.close()
        while not done.cancelled():
            try:
                return done.result(_LOOK_S)
            except TimeoutError:
                if self._stopped.is_set():
                    return
            except asyncio.CancelledError:
                return
