"""Live sessions by a server for callers that do not use asyncio: chunks in, answers out, as an iterator."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from sonant.audio.samples import Wav, to_int16
from sonant.listen.client import Answer, LiveClient, socket_url

__all__ = ["listen_there", "socket_url", "talk"]


def listen_there(
    url: str, chunks: Iterable[Wav], rate_hz: int, *, token: str | None = None
) -> Iterator[dict[str, Any]]:
    """The events that a server tells of the sound; `url` is the application's (http://host:8000/v1/audio/detections)."""
    pcm = (to_int16(chunk_N).astype("<i2").tobytes() for chunk_N in chunks)
    for answer in talk(url, {"format": "pcm_s16le", "sample_rate_hz": rate_hz}, pcm, token=token):
        if isinstance(answer, dict) and answer["type"] == "event":
            yield answer


def talk(
    url: str,
    start: Mapping[str, Any],
    chunks: Iterable[bytes],
    *,
    token: str | None = None,
    reference: bytes | None = None,
) -> Iterator[Answer]:
    """All answers of one session, each as soon as it is there: a `LiveClient` in a thread, another one to read `chunks`
    in. What goes wrong in any of them is raised here."""
    came: SimpleQueue[Answer | BaseException | None] = SimpleQueue()
    stopped = Event()

    def listen() -> None:
        try:
            asyncio.run(_session(LiveClient(url, start, token=token, reference=reference), chunks, came, stopped))
            came.put(None)
        except BaseException as error:  # told where it is waited for
            came.put(error)

    Thread(target=listen, name="sonant-listen", daemon=True).start()
    try:
        while (answer := came.get()) is not None:
            if isinstance(answer, BaseException):
                raise answer
            yield answer
    finally:
        stopped.set()


async def _session(
    client: LiveClient, chunks: Iterable[bytes], came: SimpleQueue[Answer | BaseException | None], stopped: Event
) -> None:
    """One session to its end, or until it is stopped."""
    loop = asyncio.get_running_loop()

    def speak() -> None:
        try:
            for chunk in chunks:
                if stopped.is_set() or client.over:
                    return
                asyncio.run_coroutine_threadsafe(client.send(chunk), loop).result()
            asyncio.run_coroutine_threadsafe(client.end(), loop).result()
        except BaseException as error:  # a microphone that fails must end the session
            came.put(error)

    async with client:
        Thread(target=speak, name="sonant-speak", daemon=True).start()
        async for answer in client:
            if stopped.is_set():
                return
            came.put(answer)
