"""A client of live sessions that outlives its connection: what the server has not saved yet is sent again.

    async with LiveClient("http://127.0.0.1:8000/v1/audio/extractions", {"speaker": "spk_..."}) as client:
        await client.send(pcm)          # from one task; waits while too much is not saved
        await client.set(dry=0.2)       # from here on
        await client.end()
        async for answer in client:     # in another: messages as dicts, sound as bytes, until all is answered
            ...

The server says where a session is saved, by a number; a connection that is lost is followed by another one that goes
on from there (docs/protocol.md). Nothing is lost and nothing comes twice.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit, urlunsplit

from sonant.errors import ERRORS, EnvError, RequestError, SonantError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

Answer = dict[str, Any] | bytes
SESSION_HEADER = "x-session-id"
"""Says which connections belong together: the server sends them to the same replica as long as it is there."""
_SOCKETS = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_ANSWERS = ("event", "scores", "level")
_AGAIN = ("server.full", "server.draining", "server.starting", "server.internal", "env.cluster", "request.too_slow")
"""Errors that another replica, or the same one later, may not have."""
_ELSEWHERE = ("server.full", "server.draining")
"""Of these, the ones that only this replica may have: the next connection asks for another."""
_TRIES = 3
"""Connections for a session that has not begun, when replicas are full."""
_FIRST_OPEN_S, _OPEN_S = 30.0, 10.0
"""Time for a handshake; the first may have to wait for a replica that starts."""
_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0)
_PIECE = 1 << 16
_DONE = None


class LiveClient:
    """One session. `start` are the fields of its start message, `reference` an encoded recording of a wanted voice."""

    def __init__(
        self,
        url: str,
        start: Mapping[str, Any],
        *,
        token: str | None = None,
        reference: bytes | None = None,
        patience_s: float = 60.0,
        max_unsaved: int = 16 << 20,
    ) -> None:
        """`patience_s` is how long a lost connection is tried for again, `max_unsaved` the bytes that are held."""
        if find_spec("websockets") is None:
            raise EnvError("env.missing_extra", "websockets is not installed", hint="pip install 'sonant[client]'")
        self.url = socket_url(url)
        self.reconnects = 0
        """Connections that followed another one."""
        self.ready: dict[str, Any] = {}
        """What the server said first."""
        self._name = _new_name()
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._start = {"type": "start", **start, "resume": True, **({} if reference is None else {"enroll": True})}
        self._reference = reference
        self._patience_s, self._max_unsaved = patience_s, max_unsaved
        self._unsaved: deque[bytes | str] = deque()
        """Sound, and between it, where they were said, changes as text: they belong to the sound that follows them."""
        self._first = 0
        """Number of the first binary message that is held, or of the next one."""
        self._sent = 0
        """How many of those that are held went over this connection."""
        self._bytes = 0
        self._number = self._received = 0
        self._ended = self._paused = self._said_pause = False
        self._changed = asyncio.Condition()
        self._answers: asyncio.Queue[Answer | BaseException | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.over = False
        """Whether nothing that is sent is heard any more."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None, "entered"
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def send(self, pcm: bytes) -> None:
        """Sends sound, in the format that `start` says; waits while the server is behind."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._bytes < self._max_unsaved or self.over)
            self._unsaved.append(pcm)
            self._bytes += len(pcm)
            self._paused = False
            self._changed.notify_all()

    async def set(self, *, dry: float) -> None:
        """The share of the sound that is mixed with the answer, for what is sent from here on."""
        async with self._changed:
            if self._unsaved and isinstance(self._unsaved[-1], str):  # no sound was in between: the later one counts
                self._unsaved.pop()
                self._sent = min(self._sent, len(self._unsaved))
            self._unsaved.append(json.dumps({"type": "set", "dry": dry}))
            self._changed.notify_all()

    async def pause(self) -> None:
        """No sound for a while: the server is told to be patient."""
        async with self._changed:
            self._paused = True
            self._changed.notify_all()

    async def end(self) -> None:
        """No more sound."""
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    def give_up(self, error: BaseException) -> None:
        """There will be no more sound, for this reason: whoever waits for answers is told it."""
        self._answers.put_nowait(error)

    async def __aiter__(self) -> AsyncIterator[Answer]:
        while (answer := await self._answers.get()) is not None:
            if isinstance(answer, BaseException):
                raise answer
            yield answer

    async def _run(self) -> None:
        """Connections, one after the other, until the session is over."""
        clock = asyncio.get_running_loop().time
        tries, lost_at = 0, clock()
        while True:
            told: SonantError | None = None
            before = self._received, self._first, self._number
            try:
                told = await self._connection()
                if told is None:
                    return await self._finish(_DONE)
            except _connection_errors() as error:
                told = EnvError(
                    "env.cluster", f"no session at {self.url}: {str(error) or type(error).__name__}", hint=_HINT
                )
            if before != (self._received, self._first, self._number):
                tries, lost_at = 0, clock()
            again = "resume" in self.ready or (told.code in _ELSEWHERE and tries < _TRIES - 1)
            if told.code in _ELSEWHERE:
                self._name = _new_name()
            if not again or told.code not in _AGAIN or clock() - lost_at > self._patience_s:
                return await self._finish(told)
            await asyncio.sleep(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)])
            tries += 1
            self.reconnects += 1

    async def _finish(self, last: SonantError | None) -> None:
        async with self._changed:
            self.over = True
            self._changed.notify_all()
        await self._answers.put(last)

    async def _connection(self) -> SonantError | None:
        """One connection to its end: None when all is answered, otherwise why it ended."""
        from websockets.asyncio.client import connect

        headers = {**self._headers, SESSION_HEADER: self._name}
        open_s = _OPEN_S if self.ready else _FIRST_OPEN_S
        async with connect(
            self.url, additional_headers=headers, open_timeout=open_s, compression=None, max_size=None
        ) as socket:
            await self._greet(socket)
            sender: asyncio.Task[None] | None = None
            told: SonantError | None = None
            try:
                async for data in socket:
                    if isinstance(data, bytes):
                        self._answer(data)
                        continue
                    message = cast(dict[str, Any], json.loads(data))
                    kind = message["type"]
                    if kind in _ANSWERS:
                        self._answer(message)
                    elif kind == "ready":
                        await self._begin(message)
                        sender = asyncio.create_task(self._pump(socket))
                    elif kind == "ack":
                        await self._saved(message)
                        await socket.send(json.dumps({"type": "ack", "number": message["number"]}))
                    elif kind == "done":
                        await self._answers.put(message)
                        return None
                    elif kind == "error":
                        told = _error_of(message["error"])
            except asyncio.CancelledError:  # whoever listened leaves
                await socket.close(1001)
                raise
            except _connection_errors():
                if told is None:  # a close that was explained is no loss of the connection
                    raise
            finally:
                if sender is not None:
                    sender.cancel()
                    with suppress(asyncio.CancelledError, *_connection_errors()):
                        await sender
            return told or EnvError("env.cluster", f"{self.url} has closed: {socket.close_code}", hint=_HINT)

    async def _greet(self, socket: ClientConnection) -> None:
        if "resume" in self.ready:
            place = {"token": self.ready["resume"], "number": self._number, "received": self._received}
            return await socket.send(json.dumps({"type": "resume", **place}))
        await socket.send(json.dumps(self._start))
        if self._reference is not None:
            for at in range(0, len(self._reference), _PIECE):
                await socket.send(self._reference[at : at + _PIECE])
            await socket.send('{"type": "enrolled"}')

    async def _begin(self, message: dict[str, Any]) -> None:
        if not self.ready:
            self._answers.put_nowait(message)
        self.ready = message
        self._number = 0  # numbers begin anew with each connection
        async with self._changed:
            self._sent = 0
            self._drop(message.get("messages", 0))
            self._changed.notify_all()

    async def _saved(self, message: dict[str, Any]) -> None:
        async with self._changed:
            self._number = message["number"]
            self._drop(message["messages"])
            self._changed.notify_all()

    def _drop(self, until: int) -> None:
        """Forgets the binary messages before number `until`, and the changes before them. A change right behind them
        is sent again: the record may have been made just before it, and twice is like once."""
        while self._first < until:
            item = self._unsaved.popleft()
            self._sent = max(0, self._sent - 1)
            if isinstance(item, bytes):
                self._bytes -= len(item)
                self._first += 1

    def _answer(self, answer: Answer) -> None:
        self._received += 1
        self._answers.put_nowait(answer)

    async def _pump(self, socket: ClientConnection) -> None:
        """Sends what is held and what comes, in order."""
        self._said_pause = False
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._waiting or self._ended or self._paused > self._said_pause)
                data = self._unsaved[self._sent] if self._waiting else None
                self._sent += data is not None
            if data is not None:
                await socket.send(data)
                self._said_pause &= isinstance(data, str)
            elif self._ended:
                return await socket.send('{"type": "end"}')
            else:
                await socket.send('{"type": "pause"}')
                self._said_pause = True

    @property
    def _waiting(self) -> bool:
        if "resume" not in self.ready:
            while self._sent:
                self._sent -= 1
                self._bytes -= len(self._unsaved.popleft())
        return self._sent < len(self._unsaved)


def _new_name() -> str:
    """A name for a session; no right goes with it."""
    return uuid.uuid4().hex


_HINT = "is `sonant serve` running there?"


def _connection_errors() -> tuple[type[Exception], ...]:
    from websockets.exceptions import WebSocketException

    return OSError, TimeoutError, WebSocketException


def _error_of(told: Mapping[str, str]) -> SonantError:
    code = told.get("code", "")
    if code in ERRORS:
        return RequestError(code, told.get("message", ""), hint=told.get("hint"))
    return EnvError("env.cluster", f"{code}: {told.get('message')}", hint=told.get("hint"))


def socket_url(url: str) -> str:
    """Where the live sessions of an application are; a URL that ends in /stream is taken as it is."""
    parts = urlsplit(url)
    if parts.scheme not in _SOCKETS or not parts.netloc:
        raise EnvError("env.cluster", f"{url!r} is no address of a server", hint="give http://host:8000/v1/audio/...")
    path = parts.path.rstrip("/")
    path = path if path.endswith("/stream") else f"{path}/stream"
    return urlunsplit((_SOCKETS[parts.scheme], parts.netloc, path, parts.query, ""))
