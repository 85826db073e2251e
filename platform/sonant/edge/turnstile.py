"""One request at a time begins its work on the event loop, in the order they came.

Work that is done on the loop (a short decode, a small graph) holds up everything else there. Requests that are ready in
the same pass of the loop would all be worked off before it looks at its sockets again; uvloop takes in one new
connection a pass, so the last of 32 clients that come together would wait for half a second. With the turnstile a pass
holds one piece of work, and new connections and live sessions are looked after between two.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Turnstile:
    """`await turnstile.passed()` returns for one caller in each pass of the event loop, first come, first served."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False
        """Until the loop comes by again."""

    async def passed(self) -> None:
        loop = asyncio.get_running_loop()
        if self._closed:
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append(turn)
            await turn
        else:
            self._closed = True
            loop.call_soon(self._next)

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # done: its caller was cancelled
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._next)
                return
        self._closed = False
