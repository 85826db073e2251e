"""Decoder processes for what goes on for a while: one of its own for each live stream and each long recording.

So a stream that crashes its decoder, hangs it or makes it bloat takes no other stream along. They are forked from one
process that has loaded everything (`nursery_child`), which is started when the first one is needed.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import threading
import weakref
from contextlib import suppress
from functools import cache

from sonant.audio.sandbox import launch
from sonant.errors import RequestError

_FORK_S = 20.0


class Child:
    """One decoder process: a socket to it, and the handle that kills it and nobody else."""

    def __init__(self, connection: socket.socket, handle: int) -> None:
        self.connection = connection
        self.handle = handle
        """A pidfd."""
        self._end = weakref.finalize(self, _end_child, connection, handle)

    def end(self) -> None:
        """Kills it and frees what it held; may be called again."""
        self._end()


class Nursery:
    """Forks decoder processes. Calls block, the first one for a second or more: not in event loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """Of the process that forks; None: it was not needed yet."""
        return None if self._process is None else self._process.pid

    def child(self) -> Child:
        """A new process that waits for its stream."""
        with self._lock:
            for _ in range(2):
                if self._control is None:
                    self._process, self._control = launch("sonant.audio.nursery_child")
                try:
                    return self._forked(self._control)
                except (EOFError, OSError):
                    self._end()  # it was killed meanwhile: the next one starts afresh
        raise RuntimeError("the process that forks decoders ended twice")

    def close(self) -> None:
        """Ends the process that forks; decoders that it made go on."""
        with self._lock:
            self._end()

    def _forked(self, control: socket.socket) -> Child:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                control.settimeout(_FORK_S)
                socket.send_fds(control, [b"+"], [theirs.fileno()])
                told, handles, _, _ = socket.recv_fds(control, 1, 1)
            if told == b"-":
                raise RequestError("server.full", "no decoder process can be started now")
            if not handles:
                raise EOFError
            os.set_inheritable(handles[0], False)
            return Child(ours, handles[0])
        except BaseException:
            ours.close()
            raise

    def _end(self) -> None:
        process, self._process = self._process, None
        control, self._control = self._control, None
        if control is not None:
            control.close()
        if process is not None:
            process.kill()
            process.wait()


@cache
def nursery() -> Nursery:
    """The one of this process."""
    made = Nursery()
    atexit.register(made.close)
    return made


def _end_child(connection: socket.socket, handle: int) -> None:
    connection.close()
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    os.close(handle)
