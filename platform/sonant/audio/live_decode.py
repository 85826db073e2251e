"""What live sessions decode with, in an event loop: raw PCM right here, all else in a process of its own.

`push` or `end`, then `part` until it gives None, and again; one at a time. What is not asked for is not decoded: a
process waits with what does not fit into its socket.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from sonant.audio.nursery import Child, Nursery
from sonant.audio.samples import Wav
from sonant.audio.sandbox_wire import READ_BYTES, Head, Inbox, crashed, packed, too_slow
from sonant.audio.stream_decode import StreamDecoder, StreamFormat, is_raw

_PIECE_BYTES = 1 << 13
"""Raw messages are decoded in pieces of this size: one at 4 kHz unfolds to several times as much."""


class LiveDecoder(Protocol):
    """Decodes one live stream to mono float32 samples."""

    saves: bool
    """Whether `save` and `load` are for it: what demuxers and codecs hold cannot be told."""

    async def push(self, data: bytes) -> None:
        """Takes the next bytes, cut anywhere."""
        ...

    async def end(self) -> None:
        """There are no more bytes."""
        ...

    async def part(self) -> Wav | None:
        """The next samples of what was pushed; None: that was all. After an AudioError the stream is over."""
        ...

    def save(self) -> dict[str, Any]:
        """All that it takes to go on from here."""
        ...

    def load(self, saved: dict[str, Any]) -> None:
        """Goes on from there, with the same format and rates."""
        ...

    def close(self) -> None:
        """Drops what it holds; may be called at any time."""
        ...


async def open_decoder(
    format: StreamFormat,
    rate_hz: int,
    *,
    source_hz: int,
    max_s: float,
    timeout_s: float,
    nursery: Nursery,
) -> LiveDecoder:
    """A decoder of at most `max_s` seconds to `rate_hz`; of raw PCM, `source_hz` is the rate."""
    if is_raw(format):
        return RawDecoder(StreamDecoder(format, rate_hz, source_hz=source_hz, max_s=max_s))
    forking = asyncio.create_task(asyncio.to_thread(nursery.child))
    try:
        child = await asyncio.shield(forking)
    except asyncio.CancelledError:
        forking.add_done_callback(_drop)
        raise
    decoder = CodedDecoder(child, most_samples=(max_s + 1) * rate_hz, timeout_s=timeout_s)
    try:
        await decoder.begin({"format": format, "rate_hz": rate_hz, "max_s": max_s, "timeout_s": timeout_s})
    except BaseException:
        decoder.close()
        raise
    return decoder


class RawDecoder:
    """Plain samples, read by numpy alone."""

    saves = True

    def __init__(self, decoder: StreamDecoder) -> None:
        self._decoder = decoder
        self._parts: Iterator[Wav] = iter(())
        self.save, self.load, self.close = decoder.save, decoder.load, decoder.close

    async def push(self, data: bytes) -> None:
        pieces = (data[start : start + _PIECE_BYTES] for start in range(0, len(data), _PIECE_BYTES))
        self._parts = (wav_N for piece in pieces for wav_N in self._decoder.parts(piece))

    async def end(self) -> None:
        self._parts = self._decoder.rest()

    async def part(self) -> Wav | None:
        return next(self._parts, None)


class CodedDecoder:
    """A container, in a process that is killed with the session, or when it takes longer than `timeout_s` over a push.

    The time counts while the process is waited for, not while what it gave is used.
    """

    saves = False

    def __init__(self, child: Child, *, most_samples: float, timeout_s: float) -> None:
        self._child, self._timeout_s = child, timeout_s
        self._socket: socket.socket = child.connection
        self._socket.setblocking(False)
        self._inbox = Inbox(most_samples)
        self._left_s = 0.0
        self._more = False

    async def begin(self, job: Head) -> None:
        """Tells the process what will come."""
        self._left_s = self._timeout_s
        await self._send(packed(job))

    async def push(self, data: bytes) -> None:
        await self._ask({}, data)

    async def end(self) -> None:
        await self._ask({"end": 1}, b"")

    async def part(self) -> Wav | None:
        if not self._more:
            return None
        try:
            while (part := self._inbox.next()) is None:
                async with self._timed():
                    self._inbox.feed(await asyncio.get_running_loop().sock_recv(self._socket, READ_BYTES))
        except (EOFError, ConnectionError):
            raise crashed() from None
        self._more = part.more
        return part.wav_N

    def save(self) -> dict[str, Any]:
        raise AssertionError("only raw PCM is saved")

    def load(self, saved: dict[str, Any]) -> None:
        raise AssertionError("only raw PCM is saved")

    def close(self) -> None:
        self._child.end()

    async def _ask(self, head: Head, data: bytes) -> None:
        assert not self._more, "the answer before was not read"
        self._left_s, self._more = self._timeout_s, True
        await self._send(packed(head, data))

    async def _send(self, data: bytes) -> None:
        try:
            async with self._timed():
                await asyncio.get_running_loop().sock_sendall(self._socket, data)
        except ConnectionError:
            raise crashed() from None

    @asynccontextmanager
    async def _timed(self) -> AsyncGenerator[None]:
        began = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, self._left_s)):
                yield
        except TimeoutError:
            raise too_slow(self._timeout_s) from None
        finally:
            self._left_s -= time.monotonic() - began


def _drop(forking: asyncio.Task[Child]) -> None:
    if not forking.cancelled() and forking.exception() is None:
        forking.result().end()
