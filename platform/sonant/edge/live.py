"""Drives live sessions: sockets in front, one pool of model states behind. No Ray in here. What a session is about,
labels or sound, is for an `edge.streams.Streams` to say.

Each socket has one coroutine (`edge.conversation`). The steps of all sessions go through one batcher, so sessions that
are ready at the same time share a call of the graph.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Generic
from urllib.parse import urlsplit

from starlette.websockets import WebSocket, WebSocketDisconnect

from sonant.audio.samples import Wav
from sonant.config.replica import Limits, Sessions
from sonant.edge.batching import Batcher
from sonant.edge.body import Uploads
from sonant.edge.conversation import Conversation, Elsewhere
from sonant.edge.errors import request_id
from sonant.edge.explain import GOODBYE_S, explain
from sonant.edge.metrics import Metrics
from sonant.edge.protocol import (
    Resume,
)
from sonant.edge.saved import SavedSessions
from sonant.edge.streams import Answer, Streams
from sonant.edge.tally import Tally
from sonant.errors import RequestError, SonantError
from sonant.runtime.slots import Slot

log = logging.getLogger(__name__)

Step = tuple[Slot, Wav]


Others = Callable[[str], Awaitable["Live[Any] | None"]]
"""The sessions of another bundle, by its NAME/VERSION; None where that one is not at hand."""


async def _nobody(model: str) -> None:
    """There are no other sessions."""


class Live(Generic[Answer]):
    """The live sessions of one replica; recordings of wanted voices count among its `uploads`."""

    def __init__(
        self,
        streams: Streams[Answer],
        limits: Limits,
        metrics: Metrics,
        allowed_origins: Sequence[str] = (),
        *,
        uploads: Uploads | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        self.streams = streams
        self.pool = streams.pool
        self.limits = limits
        self.metrics = metrics
        self.uploads = uploads or Uploads(limits)
        self._allowed_origins = frozenset(allowed_origins)
        self._steps: Batcher[Step, Answer | None] = Batcher(
            self._run, cost=_samples, max_batch=self.pool.capacity, observe=self._observe
        )
        metrics.slots_total.set(self.pool.capacity)
        self.sessions = sessions
        self.saved = None if sessions is None else SavedSessions(sessions.url)
        self.drains_until = 0.0
        """Time of the event loop until which nobody is let in; 0: everybody is."""
        self.ends_at = math.inf
        """When sessions that cannot go on elsewhere are ended."""
        self.chunks = self.chunks_late = 0
        """Messages of sound that were answered, and those of them that took longer than their sound lasts."""
        self.others: Others = _nobody
        """Where sessions of other versions go on."""
        self._talks: set[Conversation[Answer]] = set()
        self.turn = asyncio.Lock()
        """Held for a step by a session that is ahead of its time."""

    async def drain(self, within_s: float, hold_s: float = 60.0) -> int:
        """Lets nobody in for `hold_s`, or until `admit`; tells all sessions, saves those that can go on elsewhere, and
        gives the others so much time. Returns when all have ended: how many that were."""
        began = asyncio.get_running_loop().time()
        self.drains_until, self.ends_at = began + hold_s, began + within_s
        told = list(self._talks)
        for talk in told:
            talk.wake()
        ended = [asyncio.create_task(talk.ended.wait()) for talk in told]
        if ended:
            await asyncio.wait(ended, timeout=within_s + GOODBYE_S)
        self.metrics.drain_seconds.observe(asyncio.get_running_loop().time() - began)
        return len(told)

    def admit(self) -> None:
        """Lets sessions in again."""
        self.drains_until, self.ends_at = 0.0, math.inf

    @property
    def draining(self) -> bool:
        """Whether nobody is let in now."""
        if self.drains_until and asyncio.get_running_loop().time() >= self.drains_until:
            self.admit()
        return self.drains_until > 0

    async def serve(self, socket: WebSocket) -> None:
        """One session, from the handshake to the close code; every end that is not the client's own is explained."""
        await socket.accept()
        outcome, tally = "gone", Tally(self.metrics, request_id(socket.scope))
        try:
            self._check_origin(socket)
            try:
                outcome = await self._talk(socket, tally)
            except Elsewhere as there:
                tally = Tally(there.live.metrics, request_id(socket.scope))
                outcome = await there.live._talk(socket, tally, there.first)
        except WebSocketDisconnect:
            log.debug("session %s: the client went away", request_id(socket.scope))
        except SonantError as error:
            outcome = error.code
            await explain(socket, error)
        except Exception:
            outcome = "server.internal"
            log.exception("session %s failed", request_id(socket.scope))
            await explain(socket, SonantError("server.internal", "the session could not go on"))
        finally:
            tally.close(outcome)

    async def _talk(self, socket: WebSocket, tally: Tally, first: Resume | None = None) -> str:
        """One session on a slot of its own; `first` is its first message, if that was read already."""
        with self._slot() as slot:
            talk = Conversation(self, socket, slot, tally)
            self._talks.add(talk)
            try:
                return await talk.run(first)
            finally:
                self._talks.discard(talk)
                talk.ended.set()

    async def step(self, slot: Slot, chunk_N: Wav) -> Answer:
        """Advances one stream, together with the others that are ready."""
        answer = await self._steps.submit((slot, chunk_N))
        assert answer is not None, "a slot is released by the coroutine that steps it"
        return answer

    def answered(self, sound_s: float, took_s: float) -> None:
        """Counts a message of sound. One that is shorter than a hop has the time of a hop."""
        late = took_s > max(sound_s, self.pool.hop / self.streams.info.sample_rate_hz)
        self.chunks += 1
        self.chunks_late += late
        self.metrics.chunks_late.inc(late)

    def _run(self, steps: Sequence[Step]) -> list[Answer | None]:
        answers = self.pool.step(dict(steps))
        return [answers.get(slot) for slot, _ in steps]

    def _observe(self, rows: int, seconds: float) -> None:
        self.metrics.step_rows.observe(rows)
        self.metrics.step_seconds.observe(seconds)

    @contextmanager
    def _slot(self) -> Generator[Slot]:
        slot = None if self.draining else self.pool.admit()
        if slot is None:
            code = "server.draining" if self.draining else "server.full"
            told = (
                "this replica is about to leave"
                if self.draining
                else f"all {self.pool.capacity} live sessions are taken"
            )
            raise RequestError(code, told)
        self.metrics.slots_used.set(self.pool.used)
        try:
            yield slot
        finally:
            self.pool.release(slot)
            self.metrics.slots_used.set(self.pool.used)

    def _check_origin(self, socket: WebSocket) -> None:
        """Browsers let any page open a socket to any host, loopback too; only they send this header."""
        origin = socket.headers.get("origin")
        if origin is None or self._allowed_origins & {"*", origin}:
            return
        if urlsplit(origin).netloc != socket.headers.get("host"):
            raise RequestError("request.origin", f"pages of {origin} may not open sessions here")


def _samples(step: Step) -> float:
    return float(len(step[1]))
