"""What a decoder process and its server say to each other over a socket.

Both ways: two little-endian uint32 (length of a JSON head, of a body), the head, the body. An answer is one or more of
these: bodies are float32 samples, `more` in a head tells that another one follows. The server believes nothing that it
gets: what no decoder of ours would say is taken for a crash.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, NamedTuple, cast

import numpy as np

from sonant.audio.samples import Wav
from sonant.errors import ERRORS, AudioError

HEAD = struct.Struct("<II")
PART_SAMPLES = 1 << 16
"""Samples in one message of a stream, at most: four seconds at 16 kHz."""
_MOST_TOLD = 1 << 16
READ_BYTES = 1 << 17

Head = dict[str, Any]


def packed(head: Head, body: bytes = b"") -> bytes:
    """One message."""
    told = json.dumps(head).encode()
    return HEAD.pack(len(told), len(body)) + told + body


def take(connection: socket.socket) -> tuple[Head, bytes] | None:
    """The next message, as a child waits for it; None when the other side has hung up."""
    raw = receive(connection, HEAD.size)
    if raw is None:
        return None
    head_size, body_size = HEAD.unpack(raw)
    head, body = receive(connection, head_size), receive(connection, body_size)
    return None if head is None or body is None else (json.loads(head), bytes(body))


def receive(connection: socket.socket, count: int) -> bytearray | None:
    """Exactly `count` bytes; None when the other side has hung up."""
    data = bytearray(count)
    view = memoryview(data)
    got = 0
    while got < count:
        size = connection.recv_into(view[got:])
        if size == 0:
            return None
        got += size
    return data


def refusal(error: AudioError) -> Head:
    """An error, as a head."""
    return {"code": error.code, "message": error.message, "hint": error.hint}


def check(told: Head) -> None:
    """Raises what a head tells instead of samples."""
    if "bug" in told:
        raise RuntimeError(f"decoder process:\n{told['bug']}")
    if "code" in told:
        if told["code"] not in ERRORS:
            raise EOFError
        raise AudioError(told["code"], str(told.get("message", "")), hint=str(told.get("hint", "")))


def crashed() -> AudioError:
    """What whoever sent a recording is told when its decoder is gone."""
    return AudioError("audio.undecodable", "the decoder crashed on it")


def too_slow(timeout_s: float) -> AudioError:
    """The same, when it had to be killed."""
    return AudioError("audio.undecodable", f"decoding it takes longer than {timeout_s:g} s")


class Part(NamedTuple):
    """Some samples of an answer."""

    wav_N: Wav
    more: bool
    """Whether this answer goes on."""


class Inbox:
    """Puts an answer together from what a socket gives; at most `most_samples` in the whole life of a stream."""

    def __init__(self, most_samples: float) -> None:
        self._data = bytearray()
        self._left = most_samples

    def feed(self, data: bytes) -> None:
        """What came, cut anywhere; EOFError for the end of it."""
        if not data:
            raise EOFError
        self._data += data

    def next(self) -> Part | None:
        """The next part, once all of it is there; the error that it tells; EOFError for nonsense."""
        if len(self._data) < HEAD.size:
            return None
        head_size, body_size = HEAD.unpack_from(self._data)
        if head_size > _MOST_TOLD or body_size > 4 * PART_SAMPLES or body_size % 4:
            raise EOFError
        start = HEAD.size + head_size
        if len(self._data) < start + body_size:
            return None
        told = _parsed(bytes(self._data[HEAD.size : start]))
        wav_N = np.frombuffer(self._data[start : start + body_size], "<f4")
        del self._data[: start + body_size]
        check(told)
        self._left -= len(wav_N)
        if self._left < 0:
            raise EOFError
        return Part(wav_N, "more" in told)


def _parsed(head: bytes) -> Head:
    try:
        told = json.loads(head)
    except ValueError:
        raise EOFError from None
    if not isinstance(told, dict):
        raise EOFError
    return cast(Head, told)
