"""Live sessions as `Client.stream` and `AsyncClient.stream` give them: sound in, typed answers out.

    with client.stream("enhancements", microphone, dry=0.1) as live:
        for said in live:               # Ready first, then Event, Scores, Level, samples; Done at last
            if isinstance(said, np.ndarray):
                play(said)              # wav_N at live.ready.output.sample_rate_hz
        live.set(dry=0.5)               # from any thread, at any time

Sound is 16-bit little-endian PCM as bytes, or floats up to 1 as an array. A connection that is lost is followed by
another one that goes on where the first was, if the server keeps sessions (docs/protocol.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypedDict, cast

import numpy as np

from sonant.audio.samples import Wav, to_float, to_int16
from sonant.client.form import Audio, recording
from sonant.client.live import Answer, LiveClient
from sonant.client.talk import Talk
from sonant.edge.protocol import Done, Event, Level, Outgoing, Ready, Scores, SoundFormat

Heard = bytes | Wav
"""A piece of what is sent, of any length."""
Said = Ready | Event | Scores | Level | Done | Wav
"""An answer."""
_MESSAGES: dict[str, type[Outgoing]] = {"ready": Ready, "event": Event, "scores": Scores, "level": Level, "done": Done}


class Wanted(TypedDict, total=False):
    """What a live session may be asked for."""

    sample_rate_hz: int
    """Of the sound that is sent; 16,000 if nothing is said."""
    scores: bool
    """Also tell the probability of every label, once a chunk."""
    dry: float
    """Where the answer is sound: the share of what is sent that is mixed with it."""
    output: SoundFormat
    """Where the answer is sound: how it travels."""
    speaker: str
    """An extractor's wanted voice: an enrolled speaker."""
    reference: Audio
    """The same: a recording of the voice."""
    patience_s: float
    """How long a lost connection is tried for again."""


def session(
    url: str,
    route: str,
    key: str | None,
    *,
    sample_rate_hz: int = 16_000,
    reference: Audio | None = None,
    patience_s: float = 60.0,
    **start: Any,
) -> LiveClient:
    """The session of an application of the server at `url`."""
    place = route if route.startswith("/") else f"/v1/audio/{route}"
    told = {"format": "pcm_s16le", "sample_rate_hz": sample_rate_hz, **start}
    voice = None if reference is None else recording("", reference)[2]
    return LiveClient(url + place, told, token=key, reference=voice, patience_s=patience_s)


class Stream:
    """One live session; iterate over it once."""

    def __init__(self, client: LiveClient, sound: Iterable[Heard]) -> None:
        self._talk, self._reader = Talk(client, map(pcm, sound)), _Reader()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Said]:
        for answer in self._talk:
            yield self._reader.read(answer)

    @property
    def ready(self) -> Ready | None:
        """What the server said first; None as long as it has not."""
        return self._reader.ready

    @property
    def reconnects(self) -> int:
        """Connections that followed another one."""
        return self._talk.client.reconnects

    def set(self, *, dry: float) -> None:
        """The share of what is sent from here on that is mixed with the answer."""
        self._talk.set(dry=dry)

    def pause(self) -> None:
        """No sound for a while: the server is told to be patient."""
        self._talk.pause()

    def close(self) -> None:
        """Ends the session where it is."""
        self._talk.close()


class AsyncStream:
    """One live session, for asyncio; iterate over it once."""

    def __init__(self, client: LiveClient, sound: AsyncIterable[Heard] | Iterable[Heard]) -> None:
        self._client, self._sound, self._reader = client, sound, _Reader()

    async def __aiter__(self) -> AsyncIterator[Said]:
        async with self._client as client:
            speaking = asyncio.create_task(self._speak())
            try:
                async for answer in client:
                    yield self._reader.read(answer)
            finally:
                speaking.cancel()
                with suppress(asyncio.CancelledError):
                    await speaking

    @property
    def ready(self) -> Ready | None:
        """What the server said first; None as long as it has not."""
        return self._reader.ready

    @property
    def reconnects(self) -> int:
        """Connections that followed another one."""
        return self._client.reconnects

    async def set(self, *, dry: float) -> None:
        """The share of what is sent from here on that is mixed with the answer."""
        await self._client.set(dry=dry)

    async def pause(self) -> None:
        """No sound for a while: the server is told to be patient."""
        await self._client.pause()

    async def _speak(self) -> None:
        try:
            async for piece in _pieces(self._sound):
                await self._client.send(pcm(piece))
            await self._client.end()
        except Exception as error:  # a source that fails must end the session
            self._client.give_up(error)


def pcm(piece: Heard) -> bytes:
    """A piece of sound as it travels."""
    return piece if isinstance(piece, bytes) else to_int16(piece).astype("<i2").tobytes()


async def _pieces(sound: AsyncIterable[Heard] | Iterable[Heard]) -> AsyncIterator[Heard]:
    """Each piece when it is there; a source that waits is waited for in a thread."""
    if isinstance(sound, AsyncIterable):
        async for piece in sound:
            yield piece
        return
    pieces = iter(sound)
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


class _Reader:
    """Turns messages into what users get."""

    def __init__(self) -> None:
        self.ready: Ready | None = None

    def read(self, answer: Answer) -> Said:
        """One of them."""
        if isinstance(answer, bytes):
            output = self.ready and self.ready.output
            if output and output.format == "pcm_f32le":
                return np.frombuffer(answer, "<f4").astype(np.float32)
            return to_float(np.frombuffer(answer, "<i2").astype(np.int16))
        said = cast(Said, _MESSAGES[answer["type"]].model_validate(answer))
        if isinstance(said, Ready):
            self.ready = said
        return said
