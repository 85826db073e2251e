"""What lets one live session outlive its replica: counts of what was heard and said, and records of its state.

A record is made between two messages with sound, so both sides count messages. When it is written, the client is told
(`ack`) and answers with the same; only then the next one is made. So a client that comes back asks for a record that
is there, and has got everything that was said before it. It sends its later messages again, cut as they were: what
comes out is what came out the first time, and of that it is told what it has not got.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sonant.config.replica import Sessions
from sonant.edge.metrics import Metrics
from sonant.edge.protocol import Ack
from sonant.edge.saved import SavedSessions, new_token

log = logging.getLogger(__name__)

_REFRESH = 3
"""Records of sessions that are silent are written again so many times within the time that they are kept."""


class Journal:
    """The records of one session. `capture` gives its state, `say` sends a message."""

    def __init__(
        self,
        store: SavedSessions,
        settings: Sessions,
        metrics: Metrics,
        capture: Callable[[], Mapping[str, Any]],
        say: Callable[[str], Awaitable[None]],
    ) -> None:
        self.token = new_token()
        self._store, self._settings, self._metrics = store, settings, metrics
        self._capture, self._say = capture, say
        self._heard = self._said = self._known = 0
        """Messages with sound that came in, answers that were made, and answers that the client has got before."""
        self._number = self._confirmed = 0
        """Records that were told to the client, and those of them that it has confirmed."""
        self._audio_s = self._at = 0.0
        """Sound in the last record, and when it was made."""
        self._writing: asyncio.Task[None] | None = None
        self._before: str | None = None

    async def begin(self, before: str | None = None) -> None:
        """The first record; a token is worth nothing before. The one that the session had `before` ends when the client
        has shown that it got the new one."""
        self._before = before
        await asyncio.to_thread(self._store.sweep)
        await self._write(0, self._record(), self._settings.keep_s)

    def restore(self, record: Mapping[str, Any], received: int) -> None:
        """Counts on from a record; the client has got so many answers."""
        self._heard, self._said, self._known = record["heard"], record["said"], received
        self._audio_s = record["audio_s"]

    def news(self) -> bool:
        """Counts an answer, and tells whether the client has not got it yet."""
        self._said += 1
        return self._said > self._known

    def heard(self, audio_s: float) -> None:
        """Counts a message with sound, all of which has been used; makes a record when it is time."""
        self._heard += 1
        if audio_s - self._audio_s >= self._settings.snapshot_s:
            self._audio_s = audio_s
            self._start(self._settings.keep_s)

    def idle(self, pause_s: float = 0.0) -> None:
        """Nothing new, but the record is to hold on; through a pause, if there is one."""
        age_s = asyncio.get_running_loop().time() - self._at
        if pause_s or age_s > self._settings.keep_s / _REFRESH:
            self._start(self._settings.keep_s + pause_s)

    def confirm(self, number: int) -> None:
        """The client has got an ack."""
        if number != self._number:
            return
        self._confirmed = number
        if self._before is not None:
            asyncio.get_running_loop().run_in_executor(None, self._store.remove, self._before)
            self._before = None

    async def close(self) -> None:
        """The record that is being written is written to its end. Where the session is complete it stays, too, until it
        is out of date: its last answers may be lost on their way, and then the client comes again."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def last(self) -> None:
        """A record of now, when the session is to go on elsewhere; without it the one before holds."""
        await self.close()
        if self._confirmed == self._number:
            await self._try(self._number + 1, self._record(), self._settings.keep_s)

    def _start(self, keep_s: float) -> None:
        busy = self._writing is not None and not self._writing.done()
        if not busy and self._confirmed == self._number:
            self._writing = asyncio.create_task(self._try(self._number + 1, self._record(), keep_s))

    def _record(self) -> dict[str, Any]:
        self._at = asyncio.get_running_loop().time()
        return {**self._capture(), "heard": self._heard, "said": self._said, "audio_s": self._audio_s}

    async def _write(self, number: int, record: dict[str, Any], keep_s: float) -> None:
        with self._metrics.snapshot_seconds.time():
            await asyncio.to_thread(self._store.put, self.token, number, record, keep_s)
        if number:
            self._number = number
            await self._say(Ack(number=number, messages=record["heard"]).text())

    async def _try(self, number: int, record: dict[str, Any], keep_s: float) -> None:
        try:
            await self._write(number, record, keep_s)
        except Exception as error:  # the session goes on without; it is counted
            self._metrics.snapshots_failed.inc()
            log.warning("a session could not be saved: %s", error)
