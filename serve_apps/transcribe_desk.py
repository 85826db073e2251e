"""Requests that want the one engine of a replica: they take turns at it, a piece each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from sonant.audio.nursery import nursery
from sonant.audio.sandbox_parts import sandboxed_parts
from sonant.config.serve import TranscribeApp
from sonant.edge import quota, visit
from sonant.edge.metrics import Metrics
from sonant.errors import RequestError
from sonant.runtime.transcribe.heard import RATE_HZ, Ask, Transcript, Utterance
from sonant.runtime.transcribe.transcriber import Transcriber, Transcription


class Desk:
    """The thread of the engine, and who waits for it."""

    def __init__(self, app: TranscribeApp, transcriber: Transcriber, metrics: Metrics) -> None:
        self._app, self._transcriber, self._metrics = app, transcriber, metrics
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self.waiting = 0

    @contextmanager
    def job(self, data: bytes, ask: Ask) -> Generator[Job]:
        """A place for one recording until the block ends."""
        if self.waiting >= self._app.max_waiting:
            raise RequestError("server.full", f"{self.waiting} recordings are being transcribed")
        limits = self._app.limits
        max_bytes = int(limits.max_body_mib * 2**20)
        parts = sandboxed_parts(
            data,
            rate_hz=RATE_HZ,
            max_s=limits.max_audio_s,
            max_bytes=max_bytes,
            timeout_s=limits.decode_s,
            nursery=nursery(),
        )
        work = self._transcriber.start(parts, ask)
        self.waiting += 1
        try:
            yield Job(work, self._thread, self._metrics)
        finally:
            self.waiting -= 1
            self._thread.submit(parts.close)  # behind a piece that may still be in the making
            self._metrics.heard(work.duration_s)
            quota.heard(work.duration_s)


class Job:
    """One recording on its way."""

    def __init__(self, work: Transcription, thread: ThreadPoolExecutor, metrics: Metrics) -> None:
        self._work, self._thread, self._metrics = work, thread, metrics
        self._utterances: list[Utterance] = []

    async def next(self) -> list[Utterance] | None:
        """The next piece's utterances, when the engine comes to it; None after the last."""
        came_s = time.perf_counter()
        began_s, piece = await asyncio.get_running_loop().run_in_executor(self._thread, self._piece)
        here, seconds = visit.here(), time.perf_counter() - began_s
        here.note("queue", came_s, began_s - came_s)
        here.note("graph", began_s, seconds)
        if piece is not None:
            self._metrics.graph_seconds.observe(seconds)
            self._utterances += piece
        return piece

    def _piece(self) -> tuple[float, list[Utterance] | None]:
        """In the engine's thread: when it came to it, and what it made. Decoding the piece is part of it."""
        return time.perf_counter(), next(self._work, None)

    def transcript(self) -> Transcript:
        """The whole, after the last piece."""
        return self._work.transcript(self._utterances)
