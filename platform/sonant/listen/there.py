"""Events of live sound by a server: a client of its WebSocket."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from queue import SimpleQueue
from threading import Thread
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from sonant.audio.samples import Wav, to_int16
from sonant.errors import EnvError

_SOCKETS = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_OPEN_S = 10.0


def listen_there(
    url: str, chunks: Iterable[Wav], rate_hz: int, *, token: str | None = None
) -> Iterator[dict[str, Any]]:
    """The events that a server tells of the sound; `url` is the application's (http://host:8000/v1/audio/detections)."""
    for message in talk(url, {}, chunks, rate_hz, token=token):
        if not isinstance(message, bytes) and message["type"] == "event":
            yield message


def talk(
    url: str, asked: Mapping[str, object], chunks: Iterable[Wav], rate_hz: int, *, token: str | None = None
) -> Iterator[dict[str, Any] | bytes]:
    """All that a server says in a session about the sound; `asked` goes into the start message."""
    from websockets.exceptions import ConnectionClosed, WebSocketException
    from websockets.sync.client import connect

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        socket = connect(socket_url(url), additional_headers=headers, open_timeout=_OPEN_S)
    except (OSError, TimeoutError, WebSocketException) as error:
        raise EnvError(
            "env.cluster", f"no session at {url}: {error}", hint="is `sonant serve` running there?"
        ) from None
    failures: SimpleQueue[BaseException] = SimpleQueue()

    def send() -> None:
        try:
            socket.send(json.dumps({"type": "start", "format": "pcm_s16le", "sample_rate_hz": rate_hz, **asked}))
            for chunk_N in chunks:
                socket.send(to_int16(chunk_N).astype("<i2").tobytes())
            socket.send(json.dumps({"type": "end"}))
        except ConnectionClosed:
            return  # the reader knows why
        except BaseException as error:  # a microphone that fails must end the session
            failures.put(error)
            socket.close()

    with socket:
        Thread(target=send, name="sonant-listen", daemon=True).start()
        try:
            for text in socket:
                if isinstance(text, bytes):
                    yield text
                    continue
                message = cast(dict[str, Any], json.loads(text))
                if message["type"] == "error":
                    told = message["error"]
                    raise EnvError("env.cluster", f"{url}: {told['code']}: {told['message']}", hint=told["hint"])
                yield message
        except ConnectionClosed as error:
            if failures.empty():
                raise EnvError("env.cluster", f"{url} has ended the session: {error}") from None
    if not failures.empty():
        raise failures.get()


def socket_url(url: str) -> str:
    """Where the live sessions of an application are; a URL that ends in /stream is taken as it is."""
    parts = urlsplit(url)
    if parts.scheme not in _SOCKETS or not parts.netloc:
        raise EnvError("env.cluster", f"{url!r} is no address of a server", hint="give http://host:8000/v1/audio/...")
    path = parts.path.rstrip("/")
    path = path if path.endswith("/stream") else f"{path}/stream"
    return urlunsplit((_SOCKETS[parts.scheme], parts.netloc, path, parts.query, ""))
