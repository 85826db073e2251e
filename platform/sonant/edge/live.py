"""Drives live sessions: sockets in front, one pool of model states behind. No Ray in here. What a session is about,
labels or sound, is for an `edge.streams.Streams` to say.

Each socket has one coroutine that reads a message, steps what became ready and sends the answers before it reads
again: a client that sends faster than we compute, or reads slower than we answer, is held back by TCP. The steps of
all sessions go through one batcher, so sessions that are ready at the same time share a call of the graph.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Generic
from urllib.parse import urlsplit

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from sonant.audio.samples import Wav
from sonant.audio.stream_decode import StreamDecoder
from sonant.config.serve import Limits
from sonant.edge import quota
from sonant.edge.batching import Batcher
from sonant.edge.body import Uploads
from sonant.edge.errors import request_id
from sonant.edge.metrics import Metrics
from sonant.edge.protocol import Done, End, Enrolled, Ping, Pong, Ready, Set, Start, error_message, parse
from sonant.edge.streams import Answer, Said, Sitting, Streams
from sonant.errors import AudioError, RequestError, SonantError
from sonant.runtime.slots import Slot

log = logging.getLogger(__name__)

_GOODBYE_S = 2.0
"""How long a client may take to read why it is being closed."""
_PIECE_BYTES = 1 << 14
"""Binary messages are decoded in pieces of this size, so that one cannot unfold into hours of sound at once."""

Step = tuple[Slot, Wav]


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

    async def serve(self, socket: WebSocket) -> None:
        """One session, from the handshake to the close code; every end that is not the client's own is explained."""
        await socket.accept()
        outcome = "gone"
        try:
            self._check_origin(socket)
            with self._slot() as slot:
                await _Conversation(self, socket, slot).run()
            outcome = "done"
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
            self.metrics.session(outcome)

    async def step(self, slot: Slot, chunk_N: Wav) -> Answer:
        """Advances one stream, together with the others that are ready."""
        answer = await self._steps.submit((slot, chunk_N))
        assert answer is not None, "a slot is released by the coroutine that steps it"
        return answer

    def _run(self, steps: Sequence[Step]) -> list[Answer | None]:
        answers = self.pool.step(dict(steps))
        return [answers.get(slot) for slot, _ in steps]

    def _observe(self, rows: int, seconds: float) -> None:
        self.metrics.step_rows.observe(rows)
        self.metrics.step_seconds.observe(seconds)

    @contextmanager
    def _slot(self) -> Generator[Slot]:
        slot = self.pool.admit()
        if slot is None:
            raise RequestError("server.full", f"all {self.pool.capacity} live sessions are taken")
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


class _Conversation(Generic[Answer]):
    """The messages of one session."""

    def __init__(self, live: Live[Answer], socket: WebSocket, slot: Slot) -> None:
        self.live = live
        self.socket = socket
        self.slot = slot
        self.limits = live.limits
        self.ends_at = asyncio.get_running_loop().time() + live.limits.max_session_s

    async def run(self) -> None:
        streams, start = self.live.streams, await self._first()
        streams.check(start)
        await self._prepare(start)
        info, rate_hz = streams.info, streams.info.sample_rate_hz
        sitting = streams.sitting(self.slot, start)
        decoder = StreamDecoder(
            start.format,
            rate_hz,
            source_hz=start.sample_rate_hz,
            max_s=self.live.limits.max_session_s,
            heard=quota.heard_live,
        )
        ready = Ready(
            session=request_id(self.socket.scope),
            model=info.id,
            labels=list(info.labels),
            hop_ms=1000 * self.live.pool.hop / rate_hz,
            output=streams.output(start),
        )
        await self._say(ready.text())
        try:
            while True:
                message = await self._read()
                if isinstance(message, bytes):
                    await self._hear(sitting, decoder, message)
                elif isinstance(message, Ping):
                    await self._say(Pong().text())
                elif isinstance(message, Set):
                    streams.change(sitting, message)
                elif isinstance(message, End):
                    return await self._finish(sitting, decoder)
                else:
                    raise RequestError("request.invalid", "the session has started already")
        finally:
            decoder.close()
            self.live.metrics.audio_seconds.inc(sitting.audio_s)

    async def _prepare(self, start: Start) -> None:
        """Readies the slot; a recording that the client announced is held no longer than that takes."""
        if not start.enroll:
            return await self.live.streams.prepare(self.slot, start, None)
        reference = bytearray()
        with self.live.uploads.one() as upload:
            while not isinstance(message := await self._read(), Enrolled):
                if isinstance(message, bytes):
                    upload.count(len(message))
                    reference += message
                elif isinstance(message, Ping):
                    await self._say(Pong().text())
                else:
                    told = 'a recording of the voice comes first, and after it {"type": "enrolled"}'
                    raise RequestError("request.invalid", told)
            await self.live.streams.prepare(self.slot, start, bytes(reference))

    async def _first(self) -> Start:
        while True:
            message = await self._read()
            if isinstance(message, Start):
                return message
            if not isinstance(message, Ping):
                raise RequestError("request.invalid", 'the first message must be {"type": "start", ...}')
            await self._say(Pong().text())

    async def _read(self) -> Start | Enrolled | Set | End | Ping | bytes:
        try:
            async with asyncio.timeout_at(min(self.ends_at, asyncio.get_running_loop().time() + self.limits.idle_s)):
                message = await self.socket.receive()
        except TimeoutError:
            if asyncio.get_running_loop().time() >= self.ends_at:
                raise self._too_long() from None
            raise RequestError("request.too_slow", f"no message for {self.limits.idle_s:g} s") from None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
        data: bytes | None = message.get("bytes")
        if data is None:
            return parse(message["text"])
        if len(data) > self.limits.max_frame_kib * 1024:
            raise AudioError("audio.too_big", f"messages have at most {self.limits.max_frame_kib} KiB")
        return data

    async def _hear(self, sitting: Sitting[Answer], decoder: StreamDecoder, data: bytes) -> None:
        arrived = time.perf_counter()
        for start in range(0, len(data), _PIECE_BYTES):
            sitting.push(decoder.push(data[start : start + _PIECE_BYTES]))
            await self._step(sitting)
        self.live.metrics.lateness_seconds.observe(time.perf_counter() - arrived)

    async def _step(self, sitting: Sitting[Answer]) -> None:
        while (chunk := sitting.ready()) is not None:
            await self._tell(sitting.take(await self.live.step(self.slot, chunk)))

    async def _finish(self, sitting: Sitting[Answer], decoder: StreamDecoder) -> None:
        sitting.push(decoder.finish())
        sitting.flush()
        await self._step(sitting)
        await self._tell(await asyncio.to_thread(sitting.finish))
        await self._say(Done(audio_s=round(sitting.audio_s, 4)).text())
        await self.socket.close(1000)

    async def _tell(self, messages: Iterable[Said]) -> None:
        for message in messages:
            await self._say(message if isinstance(message, bytes) else json.dumps(message))

    async def _say(self, message: str | bytes) -> None:
        send = self.socket.send_bytes(message) if isinstance(message, bytes) else self.socket.send_text(message)
        try:
            async with asyncio.timeout(self.limits.idle_s):
                await send
        except TimeoutError:
            raise RequestError("request.too_slow", "the answers are not being read") from None

    def _too_long(self) -> AudioError:
        return AudioError("audio.too_long", f"a live session has at most {self.limits.max_session_s:g} s")


def _samples(step: Step) -> float:
    return float(len(step[1]))


async def explain(socket: WebSocket, error: SonantError) -> None:
    """Says why a session ends, then closes with the error's code, unless the client has left or does not read."""
    with contextlib.suppress(WebSocketDisconnect, TimeoutError):
        if socket.application_state is not WebSocketState.CONNECTED:
            return
        async with asyncio.timeout(_GOODBYE_S):
            await socket.send_text(error_message(error, request_id(socket.scope)).text())
            await socket.close(error.ws_close, error.code)
