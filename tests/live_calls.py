"""Live sessions as tests hold them: everything is sent, everything is read."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

Message = dict[str, Any]


@contextmanager
def session(url: str, route: str = "/v1/audio/classifications", **start: Any) -> Generator[ClientConnection]:
    with connect(f"ws{url.removeprefix('http')}{route}/stream", open_timeout=20, close_timeout=10) as client:
        client.send(json.dumps({"type": "start", **start}))
        assert json.loads(client.recv(timeout=20))["type"] == "ready"
        yield client


def read_all(client: ClientConnection) -> list[Message]:
    messages: list[Message] = []
    try:
        while True:
            messages.append(json.loads(client.recv(timeout=30)))
    except ConnectionClosed:
        return messages


def talk(client: ClientConnection, data: bytes, size: int = 3200) -> list[Message]:
    """Sends everything, reads everything."""

    def send() -> None:
        for start in range(0, len(data), size):
            client.send(data[start : start + size])
        client.send('{"type": "end"}')

    thread = threading.Thread(target=send)
    thread.start()
    messages = read_all(client)
    thread.join()
    return messages


def heard(messages: list[Message]) -> list[str]:
    return [message["label"] for message in messages if message["type"] == "event"]


def s16(wav_N: NDArray[np.float32]) -> bytes:
    return (wav_N * 32767).astype("<i2").tobytes()
