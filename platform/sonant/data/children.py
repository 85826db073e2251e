"""Helper processes that make samples from jobs, in the order of the jobs. They may crash or hang: we may not."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import IO

import numpy as np
from numpy.typing import NDArray

from sonant.data.child import HEAD
from sonant.data.source import Job

TIMEOUT_S = 120.0
# Answers that may wait for an earlier one: bounds memory, and keeps all children busy.
_AHEAD = 8


@dataclass(frozen=True)
class Refusal:
    """Why a job gave no samples: an error code of errors.py with its message and hint."""

    code: str
    message: str
    hint: str | None = None


Answer = NDArray[np.int16] | Refusal


def run(jobs: Iterable[Job], *, workers: int, timeout_s: float = TIMEOUT_S) -> Iterator[Answer]:
    """An answer for each job, in order. A job at which its child dies or takes too long is refused as env.child."""
    children = [Child(timeout_s) for _ in range(workers)]
    free: SimpleQueue[Child] = SimpleQueue()
    for child in children:
        free.put(child)

    def ask(job: Job) -> Answer:
        child = free.get()
        try:
            return child.ask(job)
        finally:
            free.put(child)

    waiting: deque[Future[Answer]] = deque()
    try:
        with ThreadPoolExecutor(workers) as threads:
            try:
                for job in jobs:
                    waiting.append(threads.submit(ask, job))
                    if len(waiting) >= _AHEAD * workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
                for child in children:
                    child.kill()
    finally:
        for child in children:
            child.close()


class Child:
    """One helper process, started when it is first asked and again after it died."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._noise: IO[bytes] | None = None
        self._lock = threading.Lock()
        self._closed = False

    def start(self) -> subprocess.Popen[bytes] | None:
        """The running process; None when closed. `ask` calls this."""
        with self._lock:
            if self._closed or self._process is not None:
                return None if self._closed else self._process
            path = os.pathsep.join(entry for entry in sys.path if entry)
            # One thread each: there is a child for every core already.
            env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            self._noise = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _end
            # Its own session: children of the child go down with it.
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "sonant.data.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._noise,
                env=env,
                start_new_session=True,
            )
            return self._process

    def ask(self, job: Job) -> Answer:
        process = self.start()
        if process is None:
            return Refusal("env.child", "closed")
        try:
            head, body = self._exchange(process, job)
        except (EOFError, BrokenPipeError, TimeoutError) as error:
            reason = (
                f"took longer than {self._timeout_s:g} s" if isinstance(error, TimeoutError) else self._last_words()
            )
            self._end()
            return Refusal("env.child", f"a helper process {reason} at {json.dumps(job)}")
        if "bug" in head:
            raise RuntimeError(f"helper process, at {json.dumps(job)}:\n{head['bug']}")
        return Refusal(head["code"], head["message"], head["hint"]) if head else np.frombuffer(body, "<i2")

    def kill(self) -> None:
        """Ends the process while another thread may be waiting for its answer, and lets none be started any more."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                _kill(self._process)

    def close(self) -> None:
        """Ends it for good and frees what it held; nobody may be waiting for an answer."""
        self.kill()
        self._end()

    def _end(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        assert self._noise is not None
        _kill(process)
        process.wait()
        process.stdout.close()
        # The job that it died at may still be in the buffer.
        with suppress(BrokenPipeError):
            process.stdin.close()
        self._noise.close()

    def _exchange(self, process: subprocess.Popen[bytes], job: Job) -> tuple[dict[str, str], bytes]:
        assert process.stdin is not None
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()
        deadline = time.monotonic() + self._timeout_s
        head_size, body_size = HEAD.unpack(_read(process, HEAD.size, deadline))
        head: dict[str, str] = json.loads(_read(process, head_size, deadline))
        return head, _read(process, body_size, deadline)

    def _last_words(self) -> str:
        assert self._noise is not None
        self._noise.seek(0)
        lines = self._noise.read().decode(errors="replace").strip().splitlines()
        return f"crashed{f' ({lines[-1]})' if lines else ''}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a process that was not waited for yet, and all its children."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _read(process: subprocess.Popen[bytes], count: int, deadline: float) -> bytes:
    """Exactly `count` bytes of the answer."""
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    data = bytearray()
    while len(data) < count:
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        piece = os.read(pipe, count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)
