"""Decodes uploads in processes of their own: what crashes, hangs or bloats there is killed and replaced.

Plain WAV files are read right here, by numpy alone. All else goes as bytes to a process that has loaded the decoders
and can open nothing (`sandbox_child`), with bounds on memory, CPU time and the clock.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress
from typing import cast

import numpy as np

from sonant.audio import plain_wav
from sonant.audio.decode import decode
from sonant.audio.samples import Wav
from sonant.audio.sandbox_wire import HEAD, check, crashed, too_slow
from sonant.errors import RequestError

_START_S = 120.0
"""Time for a process to load the decoders, on a machine that has other things to do."""


def is_plain(data: bytes) -> bool:
    """Whether `Sandbox.decode` will read it here."""
    return plain_wav.read(data) is not None


class Sandbox:
    """Up to `workers` decoder processes, each started when it is first needed. Calls block: not in event loops."""

    def __init__(self, *, workers: int = 1, timeout_s: float = 10.0) -> None:
        self._timeout_s = timeout_s
        self._free = threading.BoundedSemaphore(workers)
        self._idle = [Decoder() for _ in range(workers)]
        self._turns_s = 4 * timeout_s
        self._close = weakref.finalize(self, _end_all, tuple(self._idle))

    def decode(self, data: bytes, *, rate_hz: int, max_s: float, max_bytes: int) -> Wav:
        """What `audio.decode.decode` gives; audio.undecodable when the process dies of it, or takes too long."""
        if len(data) > max_bytes or is_plain(data):
            return decode(data, rate_hz=rate_hz, max_s=max_s, max_bytes=max_bytes)
        if not self._free.acquire(timeout=self._turns_s):
            raise RequestError("server.full", "all decoders are busy")
        decoder = self._idle.pop()
        try:
            return decoder.ask(data, {"rate_hz": rate_hz, "max_s": max_s, "max_bytes": max_bytes}, self._timeout_s)
        finally:
            self._idle.append(decoder)
            self._free.release()

    def close(self) -> None:
        """Ends all processes; nobody may be waiting for one."""
        self._close()


class Decoder:
    """One process, started when it is first asked and again after it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """Of the running process; None: there is none."""
        return None if self._process is None else self._process.pid

    def ask(self, data: bytes, job: dict[str, float], timeout_s: float) -> Wav:
        """Samples of one recording."""
        if self._process is not None and self._process.poll() is not None:
            self.end()
        connection = self._socket or self._start()
        head = json.dumps({**job, "timeout_s": timeout_s}).encode()
        deadline = time.monotonic() + timeout_s
        try:
            _send(connection, HEAD.pack(len(head), len(data)) + head, deadline)
            _send(connection, data, deadline)
            head_size, body_size = HEAD.unpack(_receive(connection, HEAD.size, deadline))
            told = cast("dict[str, str]", json.loads(_receive(connection, head_size, deadline)))
            samples = _receive(connection, body_size, deadline)
        except TimeoutError:
            self.end()
            raise too_slow(timeout_s) from None
        except (EOFError, ConnectionError):
            self.end()
            raise crashed() from None
        except BaseException:
            self.end()  # an answer may still be on its way: nobody else must get it
            raise
        check(told)
        return np.frombuffer(samples, "<f4")

    def end(self) -> None:
        """Kills the process, if there is one, and frees what it held."""
        process, self._process = self._process, None
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()
        if process is not None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self) -> socket.socket:
        self._process, self._socket = launch("sonant.audio.sandbox_child")
        return self._socket


def launch(module: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """A process of ours that has said that it is ready, and a socket to it."""
    ours, theirs = socket.socketpair()
    path = os.pathsep.join(entry for entry in sys.path if entry)
    # None of the server's own environment: no secret of it is in there.
    env = {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", module],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            env=env,
            start_new_session=True,
        )
    try:
        _receive(ours, 1, time.monotonic() + _START_S)
    except (EOFError, OSError) as error:
        ours.close()
        process.kill()
        process.wait()
        raise RuntimeError("a decoder process does not start") from error
    return process, ours


def _send(connection: socket.socket, data: bytes, deadline: float) -> None:
    connection.settimeout(max(0.001, deadline - time.monotonic()))
    connection.sendall(data)


def _receive(connection: socket.socket, count: int, deadline: float) -> bytearray:
    """Exactly `count` bytes of an answer."""
    data = bytearray(count)
    view = memoryview(data)
    got = 0
    while got < count:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        size = connection.recv_into(view[got:])
        if size == 0:
            raise EOFError
        got += size
    return data


def _end_all(decoders: tuple[Decoder, ...]) -> None:
    for decoder in decoders:
        decoder.end()
