"""A live session that a candidate hears, too: its messages are handed on, and what both sides say is compared.

Labels are compared as a whole when both have ended; sound is compared as far as both have said it, so only what one
side is ahead of the other is held.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from starlette.types import Message, Receive, Scope, Send

from sonant.edge.compare import Alike, of_events

if TYPE_CHECKING:
    from serve_apps.shadow import Shade

log = logging.getLogger(__name__)

Who = Literal["champion", "candidate"]


class Echo:
    """One session on both sides. `heard` and `answered` wrap what the champion has; `run` is the candidate's."""

    def __init__(self, shade: Shade, scope: Scope) -> None:
        self._shade, self._scope = shade, scope
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._last: Message | None = None
        self._held = 0
        self._cut = self._resumed = self._closed = False
        self._alone = threading.Lock()
        self._type = np.dtype("<i2")
        self._sound: dict[Who, bytearray] = {"champion": bytearray(), "candidate": bytearray()}
        self._events: dict[Who, list[dict[str, Any]]] = {"champion": [], "candidate": []}
        self._done: dict[Who, bool] = {"champion": False, "candidate": False}
        self._alike = Alike()
        self._clocks: dict[Who, Clock] = {"champion": Clock(), "candidate": Clock()}

    # ---- the champion's side: never waits -------------------------------------------------------------------------

    def heard(self, receive: Receive) -> Receive:
        """What the champion reads; when it reads on, it has answered what it read before."""

        async def read() -> Message:
            self._clocks["champion"].stop()
            self._hand_on()
            self._last = await receive()
            self._clocks["champion"].start(self._last)
            return self._last

        return read

    def answered(self, send: Send) -> Send:
        """What the champion says."""

        async def say(message: Message) -> None:
            await send(message)
            self._said("champion", message)

        return say

    def close(self) -> None:
        """The champion's session has ended."""
        self._hand_on()
        self._closed = True
        self._pass({"type": "websocket.disconnect", "code": 1000})

    def _hand_on(self) -> None:
        message, self._last = self._last, None
        if message is None:
            return
        size = _size(message)
        with self._alone:
            if self._cut:
                return
            self._cut = not self._shade.take(size, 0)  # with a gap, the candidate would hear something else
            self._held += 0 if self._cut else size
        self._pass({"type": "websocket.disconnect", "code": 1000} if self._cut else message)

    def _pass(self, message: Message) -> None:
        self._shade.post(lambda: self._messages.put_nowait(message))

    # ---- the candidate's side, in its thread ----------------------------------------------------------------------

    async def run(self) -> None:
        """The candidate's session; what it came to is compared."""
        try:
            await self._shade.side.face.app(self._scope, self._receive, self._send)
            while not self._closed:  # the champion is still saying its last words
                message = await self._messages.get()
                self._free(message)
            self._compare()
        except Exception:
            log.exception("a candidate's session failed")
            self._shade.comparison.count("failed")
        finally:
            with self._alone:
                self._cut = True
                held, self._held = self._held, 0
            self._shade.give(held, 1)

    async def _receive(self) -> Message:
        self._clocks["candidate"].stop()
        message = await self._messages.get()
        self._free(message)
        self._clocks["candidate"].start(message)
        text = message.get("text")
        if text and '"resume"' in text and _kind(text) == "resume":
            self._resumed = True  # how it began, only the champion knows
            return {"type": "websocket.disconnect", "code": 1000}
        return message

    def _free(self, message: Message) -> None:
        size = _size(message)
        with self._alone:
            size = min(size, self._held)
            self._held -= size
        self._shade.give(size, 0)

    async def _send(self, message: Message) -> None:
        self._said("candidate", message)

    # ---- what was said --------------------------------------------------------------------------------------------

    def _said(self, by: Who, message: Message) -> None:
        if message["type"] != "websocket.send" or self._cut:
            return
        if (data := message.get("bytes")) is not None:
            return self._take(by, data)
        told = json.loads(message["text"])
        if told["type"] == "ready" and told.get("output"):
            self._type = np.dtype("<f4" if told["output"]["format"] == "pcm_f32le" else "<i2")
        elif told["type"] == "event":
            self._events[by].append(told)
        elif told["type"] == "done":
            self._done[by] = True

    def _take(self, by: Who, data: bytes) -> None:
        """Sound of one side: what both have is compared and forgotten."""
        with self._alone:
            self._sound[by] += data
            size = min(map(len, self._sound.values())) // self._type.itemsize * self._type.itemsize
            if max(map(len, self._sound.values())) - size > self._shade.config.max_waiting_mib * 2**20:
                self._cut = True
            pieces = [_samples(sound, size, self._type) for sound in self._sound.values()]
            if size:
                self._alike.add(*pieces)

    def _compare(self) -> None:
        comparison = self._shade.comparison
        if self._cut:
            return comparison.count("dropped")
        if self._resumed or not self._done["champion"]:
            return comparison.count("skipped")
        if not self._done["candidate"]:
            return comparison.count("failed")
        events = of_events(self._events["champion"], self._events["candidate"])
        times = {f"{who}_s": clock.mean for who, clock in self._clocks.items()}
        comparison.add({**(self._alike.measures() if self._alike.samples else events), **times})


class Clock:
    """How long one side takes for a message with sound."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._total, self._count = 0.0, 0

    def start(self, message: Message) -> None:
        """A message has come."""
        self._began = time.perf_counter() if message.get("bytes") else None

    def stop(self) -> None:
        """It is dealt with."""
        if self._began is not None:
            self._total, self._count = self._total + time.perf_counter() - self._began, self._count + 1
            self._began = None

    @property
    def mean(self) -> float:
        """Seconds of one message."""
        return self._total / max(1, self._count)


def _samples(sound: bytearray, size: int, kind: np.dtype[Any]) -> NDArray[np.float32]:
    """Takes so many bytes away, as samples."""
    samples_N = np.frombuffer(bytes(sound[:size]), kind).astype(np.float32)
    del sound[:size]
    return samples_N if kind.kind == "f" else samples_N / np.float32(32768)


def _size(message: Message) -> int:
    return len(message.get("bytes") or b"") + len(message.get("text") or "")


def _kind(text: str) -> str:
    try:
        told = json.loads(text)
    except ValueError:
        return ""
    return str(cast(dict[str, Any], told).get("type", "")) if isinstance(told, dict) else ""
