"""A candidate that hears what the champion was asked, after the champion has answered. Nobody gets its answers.

    recordings   the request's bytes and the champion's answer wait in a bounded queue; the candidate answers them one
                 by one
    sessions     each message is handed on when the champion has dealt with it and reads the next one; the candidate
                 runs its own session, what both say is compared as it comes

All of it runs in a thread with an event loop of its own, at the lowest priority, so that the champion's loop only pays
for handing over. What finds no room is left out and counted: the champion never waits.
"""

from __future__ import annotations

import asyncio
import base64
import contextvars
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Coroutine, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_apps.shadow_session import Echo
from serve_apps.sides import Side, chosen, who
from sonant.audio.decode import decode
from sonant.config.replica import Limits
from sonant.config.rollout import Shadow
from sonant.edge.compare import Alike, Comparison, Measures, of_answers
from sonant.edge.metrics import Family

log = logging.getLogger(__name__)

_NICE = 19
_KEPT_HEADER = b"x-sonant-result"
"""An answer that is kept on demand would be kept twice."""


@dataclass
class Exchange:
    """One request and its answer."""

    scope: Scope
    body: bytearray = field(default_factory=bytearray)
    answer: bytearray = field(default_factory=bytearray)
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    seconds: float = 0.0
    """From its last byte to the first one of the answer."""
    whole_at: float = 0.0

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return len(self.body) + len(self.answer)

    def comes(self, message: Message) -> None:
        """A part of the request."""
        self.body += message.get("body", b"")
        self.whole_at = time.perf_counter()

    def goes(self, message: Message) -> None:
        """A part of the answer."""
        if message["type"] == "http.response.start":
            self.seconds = time.perf_counter() - self.whole_at
            self.status, self.headers = message["status"], {name.lower(): value for name, value in message["headers"]}
        else:
            self.answer += message.get("body", b"")


class Shade:
    """The candidate in its thread, and what came of it."""

    def __init__(self, side: Side, config: Shadow, limits: Limits) -> None:
        self.side, self.config, self.limits = side, config, limits
        self.comparison = Comparison()
        self._waiting, self._bytes = 0, 0
        self._counts = threading.Lock()
        self._turn = asyncio.Semaphore(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):  # not everywhere do threads have a priority
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def close(self) -> None:
        """Ends the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def post(self, call: Callable[[], None]) -> None:
        """Has something called there."""
        self._loop.call_soon_threadsafe(call)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs something there, in a context of its own: whoever was heard here does not pay a second time."""

        def start() -> None:
            task = self._loop.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._loop.call_soon_threadsafe(start, context=contextvars.Context())

    def take(self, size: int, count: int = 1) -> bool:
        """Room for so many bytes, and for what waits; False where there is none."""
        with self._counts:
            full = self._waiting + count > self.config.max_waiting
            if full or self._bytes + size > self.config.max_waiting_mib * 2**20:
                return False
            self._waiting, self._bytes = self._waiting + count, self._bytes + size
        return True

    def give(self, size: int, count: int = 1) -> None:
        """The room is free again."""
        with self._counts:
            self._waiting, self._bytes = self._waiting - count, self._bytes - size

    def wire(self) -> dict[str, Any]:
        """What is compared so far, as plain data."""
        rule = self.config.rule.model_dump()
        return {
            "candidate": self.side.face.served.model,
            "share": self.config.share,
            "rule": rule,
            **self.comparison.wire(),
        }

    def snapshot(self) -> Family:
        """What became of the answers, as a family of counters of the candidate's version."""
        task, (model, version) = self.side.face.served.task, self.side.face.served.model.split("/", 1)
        labels = {"task": task, "model": model, "version": version}
        counts = self.comparison.wire()["counts"]
        samples = [("sonant_shadow_answers_total", {**labels, "outcome": one}, float(n)) for one, n in counts.items()]
        return (
            "sonant_shadow_answers",
            "Answers of a candidate that nobody got, by what became of them.",
            "counter",
            samples,
        )

    def offer(self, exchange: Exchange) -> None:
        """Takes a request that the champion has answered, if there is room."""
        if not self.take(exchange.size):
            return self.comparison.count("dropped")
        self.begin(self._hear(exchange))

    async def _hear(self, exchange: Exchange) -> None:
        try:
            async with self._turn:
                again = await replay(self.side.face.app, exchange)
                if again.status != exchange.status:
                    return self.comparison.count("failed")
                self.comparison.add(
                    {
                        **await asyncio.to_thread(differences, exchange, again, self.limits.max_audio_s),
                        "champion_s": exchange.seconds,
                        "candidate_s": again.seconds,
                    }
                )
        except Exception:
            log.exception("a candidate's answer could not be compared")
            self.comparison.count("failed")
        finally:
            self.give(exchange.size)


async def replay(app: ASGIApp, exchange: Exchange) -> Exchange:
    """The same request to another application."""
    again = Exchange(exchange.scope)
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent, again.whole_at = True, time.perf_counter()
        return {"type": "http.request", "body": bytes(exchange.body), "more_body": False}

    async def send(message: Message) -> None:
        again.goes(message)

    await app(dict(exchange.scope), receive, send)
    return again


def differences(given: Exchange, tried: Exchange, max_s: float) -> Measures:
    """Measures of two answers: labels and times in JSON, or sound, in JSON or as it is."""
    if given.headers.get(b"content-type", b"").startswith(b"application/json"):
        one, other = json.loads(given.answer), json.loads(tried.answer)
        if "audio" not in one:
            return of_answers(one, other)
        return _of_sounds(*(base64.b64decode(told["audio"]["base64"]) for told in (one, other)), max_s=max_s)
    return _of_sounds(bytes(given.answer), bytes(tried.answer), max_s=max_s)


def _of_sounds(given: bytes, tried: bytes, *, max_s: float) -> Measures:
    """Two files, at one rate whatever each has."""
    alike = Alike()
    one_N, other_N = (decode(data, rate_hz=16_000, max_s=max_s + 1, max_bytes=1 << 30) for data in (given, tried))
    shortest = min(len(one_N), len(other_N))
    alike.add(one_N[:shortest], other_N[:shortest])
    return alike.measures()


class Mirror:
    """Answers with the champion, and shows the candidate a share of what came."""

    def __init__(self, app: ASGIApp, shade: Shade) -> None:
        self._app, self._shade = app, shade
        self._most = int(shade.config.max_waiting_mib * 2**20)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        mirrored = scope["type"] == "websocket" or (scope["type"] == "http" and scope["method"] == "POST")
        if not mirrored or not chosen(who(scope), self._shade.config.share, self._shade.side.face.served.model):
            return await self._app(scope, receive, send)
        copy: MutableMapping[str, Any] = dict(scope)
        if scope["type"] == "websocket":
            return await self._session(copy, scope, receive, send)
        await self._request(copy, scope, receive, send)

    async def _request(self, copy: Scope, scope: Scope, receive: Receive, send: Send) -> None:
        exchange, whole = Exchange(copy), True

        async def heard() -> Message:
            nonlocal whole
            message = await receive()
            whole = whole and exchange.size <= self._most
            if whole:
                exchange.comes(message)
            return message

        async def answered(message: Message) -> None:
            nonlocal whole
            whole = whole and exchange.size <= self._most
            if whole:
                exchange.goes(message)
            await send(message)

        await self._app(scope, heard, answered)
        if not whole:
            self._shade.comparison.count("dropped")
        elif exchange.status == HTTPStatus.OK:
            if _KEPT_HEADER in exchange.headers:
                return self._shade.comparison.count("skipped")
            self._shade.offer(exchange)

    async def _session(self, copy: Scope, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._shade.take(0):
            self._shade.comparison.count("dropped")
            return await self._app(scope, receive, send)
        echo = Echo(self._shade, copy)
        self._shade.begin(echo.run())
        try:
            await self._app(scope, echo.heard(receive), echo.answered(send))
        finally:
            echo.close()
