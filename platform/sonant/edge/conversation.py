"""What is said in one live session, from its first message to its last. No Ray in here.

One coroutine reads a message, steps what became ready and sends the answers before it reads again: a client that sends
faster than we compute, or reads slower than we answer, is held back by TCP.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Iterable, MutableMapping
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Any, Generic

from starlette.websockets import WebSocket, WebSocketDisconnect

from sonant.audio.live_decode import LiveDecoder, open_decoder
from sonant.audio.nursery import nursery
from sonant.edge import quota
from sonant.edge.haste import Haste
from sonant.edge.journal import Journal
from sonant.edge.protocol import (
    Acked,
    Client,
    Done,
    Drain,
    End,
    Enrolled,
    Pause,
    Ping,
    Pong,
    Ready,
    Resume,
    Set,
    Start,
    parse,
)
from sonant.edge.streams import Answer, Said, Sitting
from sonant.edge.tally import Tally
from sonant.errors import AudioError, RequestError
from sonant.runtime.slots import Slot

if TYPE_CHECKING:
    from sonant.edge.live import Live


class Elsewhere(Exception):
    """The session that a client wants to go on with is one of another version, which this replica has, too."""

    def __init__(self, live: Live[Any], first: Resume) -> None:
        super().__init__()
        self.live, self.first = live, first


class _Drained(Exception):
    """The session ends because its replica leaves."""


class Conversation(Generic[Answer]):
    """The messages of one session."""

    def __init__(self, live: Live[Answer], socket: WebSocket, slot: Slot, tally: Tally) -> None:
        self.live = live
        self.socket = socket
        self.slot = slot
        self.tally = tally
        self.limits = live.limits
        now = asyncio.get_running_loop().time()
        self.ends_at = now + live.limits.max_session_s
        self.idle_s = live.limits.idle_s
        self.ended = asyncio.Event()
        self.haste = Haste(now)
        self.journal: Journal | None = None
        self._noticed = False
        self._reading: asyncio.Timeout | None = None

    def wake(self) -> None:
        """Stops waiting for a message: the replica drains."""
        if self._reading is not None and not self._reading.expired():
            self._reading.reschedule(0.0)

    async def run(self, first: Resume | None = None) -> str:
        """All of it; how it ended."""
        try:
            return await self._session(first or await self._first())
        finally:
            if self.journal is not None:
                await self.journal.close()

    async def _session(self, first: Start | Resume) -> str:
        streams = self.live.streams
        kept = await self._kept(first) if isinstance(first, Resume) else None
        start = first if isinstance(first, Start) else Start.model_validate(kept["start"] if kept else {})
        streams.check(start)
        if kept is None:
            await self._prepare(start)
        with closing(await self._decoder(start)) as decoder:
            return await self._talk(first, start, kept, decoder)

    async def _decoder(self, start: Start) -> LiveDecoder:
        return await open_decoder(
            start.format,
            self.live.streams.info.sample_rate_hz,
            source_hz=start.sample_rate_hz,
            max_s=self.limits.max_session_s,
            timeout_s=self.limits.decode_s,
            nursery=nursery(),
        )

    async def _talk(
        self, first: Start | Resume, start: Start, kept: dict[str, Any] | None, decoder: LiveDecoder
    ) -> str:
        streams = self.live.streams
        info, rate_hz = streams.info, streams.info.sample_rate_hz
        sitting = streams.sitting(self.slot, start)
        self.tally.session = kept.get("session", self.tally.session) if kept else self.tally.session
        ready = Ready(
            session=self.tally.session,
            model=info.id,
            labels=list(info.labels),
            hop_ms=1000 * self.live.pool.hop / rate_hz,
            output=streams.output(start),
        )
        if start.resume:
            ready = await self._keep(ready, start, sitting, decoder, kept, first)
        began_s = sitting.audio_s
        self.tally.begin("opened" if kept is None else "resumed")
        await self._say(ready.text())
        try:
            while True:
                message = await self._read()
                if isinstance(message, bytes):
                    await self._hear(sitting, decoder, message)
                    if self.journal is not None:
                        self.journal.heard(sitting.audio_s)
                elif isinstance(message, Ping | Pause | Acked):
                    await self._note(message)
                elif isinstance(message, Set):
                    streams.change(sitting, message)
                elif isinstance(message, End):
                    return await self._finish(sitting, decoder)
                else:
                    raise RequestError("request.invalid", "the session has started already")
        except _Drained:
            return await self._leave()
        finally:
            self.tally.end(sitting.audio_s - began_s, ready.output)

    async def _note(self, message: Ping | Pause | Acked) -> None:
        """What is no sound, and does not end the session."""
        if isinstance(message, Ping):
            await self._say(Pong().text())
        elif isinstance(message, Pause):
            self.idle_s = self.limits.pause_s
        if self.journal is not None:
            if isinstance(message, Acked):
                self.journal.confirm(message.number)
            else:
                self.journal.idle(self.limits.pause_s if isinstance(message, Pause) else 0.0)

    async def _kept(self, asked: Resume) -> dict[str, Any]:
        """The record of the session that the client wants to go on with."""
        saved, model = self.live.saved, self.live.streams.info.id
        try:
            if saved is None:
                raise RequestError("session.lost", "no sessions are kept here")
            record = await asyncio.to_thread(saved.get, asked.token, asked.number)
            if record["model"] != model:
                other = await self.live.others(record["model"])
                if other is not None and other is not self.live:
                    raise Elsewhere(other, asked)
                raise RequestError("session.lost", f"it was a session of {record['model']}, here is {model}")
            if asked.received < record["said"]:
                raise RequestError("session.lost", f"{record['said']} answers came before that record")
        except RequestError:
            self.live.metrics.sessions_lost.inc()
            raise
        return record

    async def _keep(
        self,
        ready: Ready,
        start: Start,
        sitting: Sitting[Answer],
        decoder: LiveDecoder,
        kept: dict[str, Any] | None,
        first: Start | Resume,
    ) -> Ready:
        """Makes the session one that can go on elsewhere; where it comes from elsewhere, it goes on."""
        if not decoder.saves:
            raise RequestError("request.invalid", f"sessions with {start.format} cannot resume: send raw PCM")
        if self.live.saved is None or self.live.sessions is None:
            return ready
        pool, model = self.live.pool, self.live.streams.info.id

        def capture() -> dict[str, Any]:
            told = {"model": model, "session": self.tally.session, "start": start.model_dump(exclude_defaults=True)}
            return {**told, "slot": pool.save(self.slot), "sitting": sitting.save(), "decoder": decoder.save()}

        journal = Journal(self.live.saved, self.live.sessions, self.live.metrics, capture, self._say)
        if kept is not None and isinstance(first, Resume):
            pool.load(self.slot, kept["slot"])
            sitting.load(kept["sitting"])
            decoder.load(kept["decoder"])
            journal.restore(kept, first.received)
        await journal.begin(None if kept is None or not isinstance(first, Resume) else first.token)
        self.journal = journal
        return ready.model_copy(update={"resume": journal.token, "messages": kept["heard"] if kept else None})

    async def _leave(self) -> str:
        """The last words of a session whose replica leaves."""
        self.tally.drained()
        within_s = max(0.0, self.live.ends_at - asyncio.get_running_loop().time())
        if self.journal is not None:
            await self.journal.last()
            await self._say(Drain(resume=self.journal.token, within_s=round(within_s, 3)).text())
        await self.socket.close(1012, "server.draining")
        return "drained"

    async def _prepare(self, start: Start) -> None:
        """Readies the slot; a recording that the client announced is held no longer than that takes."""
        if not start.enroll:
            return await self.live.streams.prepare(self.slot, start, None)
        reference = bytearray()
        with self.live.uploads.within_session() as upload:
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

    async def _first(self) -> Start | Resume:
        first_by = asyncio.get_running_loop().time() + self.limits.first_s
        while True:
            message = await self._read(first_by)
            if isinstance(message, Start | Resume):
                return message
            if not isinstance(message, Ping):
                raise RequestError("request.invalid", 'the first message must be {"type": "start", ...}')
            await self._say(Pong().text())

    async def _received(self, by: float) -> MutableMapping[str, Any]:
        """The next message that the socket gives."""
        idle_at = min(self.ends_at, by, asyncio.get_running_loop().time() + self.idle_s)
        while True:
            if self.live.draining:
                await self._notice()
            try:
                async with asyncio.timeout_at(min(idle_at, self.live.ends_at)) as self._reading:
                    return await self.socket.receive()
            except TimeoutError:
                now = asyncio.get_running_loop().time()
                if now >= self.ends_at:
                    raise self._too_long() from None
                if now >= idle_at:
                    raise RequestError("request.too_slow", f"no message for {self.idle_s:g} s") from None
            finally:
                self._reading = None

    async def _notice(self) -> None:
        """Tells the client once that the replica leaves; ends the session when it can go on elsewhere, or must."""
        if not self.tally.begun:
            raise RequestError("server.draining", "this replica is about to leave")
        within_s = self.live.ends_at - asyncio.get_running_loop().time()
        if self.journal is not None or within_s <= 0:
            raise _Drained
        if not self._noticed:
            self._noticed = True
            await self._say(Drain(within_s=round(within_s, 3)).text())

    async def _read(self, by: float = math.inf) -> Client | bytes:
        message = await self._received(by)
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
        data: bytes | None = message.get("bytes")
        if data is None:
            return parse(message["text"])
        self.idle_s = self.limits.idle_s
        if len(data) > self.limits.max_frame_kib * 1024:
            raise AudioError("audio.too_big", f"messages have at most {self.limits.max_frame_kib} KiB")
        return data

    async def _hear(self, sitting: Sitting[Answer], decoder: LiveDecoder, data: bytes) -> None:
        arrived, before_s = time.perf_counter(), sitting.audio_s
        await decoder.push(data)
        await self._use(sitting, decoder)
        took_s = time.perf_counter() - arrived
        self.tally.answered(took_s)
        self.live.answered(sitting.audio_s - before_s, took_s)

    async def _use(self, sitting: Sitting[Answer], decoder: LiveDecoder) -> None:
        """Steps what was decoded, part by part: one message cannot unfold into hours of sound at once."""
        rate_hz, now = self.live.streams.info.sample_rate_hz, asyncio.get_running_loop().time
        while (wav_N := await decoder.part()) is not None:
            quota.heard_live(len(wav_N) / rate_hz)
            self.haste.heard(len(wav_N) / rate_hz, now())
            for piece_N in self.haste.pieces(wav_N):
                sitting.push(piece_N)
                await self._step(sitting)

    async def _step(self, sitting: Sitting[Answer]) -> None:
        while (chunk := sitting.ready()) is not None:
            async with self.live.turn if self.haste else nullcontext():
                answer = await self.live.step(self.slot, chunk)
            await self._tell(sitting.take(answer))

    async def _finish(self, sitting: Sitting[Answer], decoder: LiveDecoder) -> str:
        await decoder.end()
        await self._use(sitting, decoder)
        sitting.flush()
        await self._step(sitting)
        await self._tell(await asyncio.to_thread(sitting.finish))
        await self._say(Done(audio_s=round(sitting.audio_s, 4)).text())
        await self.socket.close(1000)
        return "done"

    async def _tell(self, messages: Iterable[Said]) -> None:
        for message in messages:
            if self.journal is None or self.journal.news():
                self.tally.sent(message)
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
