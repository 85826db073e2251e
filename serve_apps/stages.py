"""The three stages of an application that answers about recordings, without Ray and without HTTP.

    Extractor     bytes -> windows, or their features
    Model         -> logits, in calls that waiting requests share
    Postprocess   -> answer

`Pipeline` puts them in a row. The last two may be in other processes: anything that can be awaited will do.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sonant.audio.formats import sniff
from sonant.audio.sandbox import Sandbox, is_plain
from sonant.config.replica import Limits
from sonant.config.serve import ModelApp
from sonant.edge import quota, visit
from sonant.edge.batching import Batcher, Pace
from sonant.edge.metrics import Metrics
from sonant.edge.turnstile import Turnstile
from sonant.runtime.answer import ANSWERS, Answer, windows
from sonant.runtime.emotion import Emotion, emotion
from sonant.runtime.engine import Engine
from sonant.runtime.info import BundleInfo

Floats = NDArray[np.float32]
Told = Answer | Emotion
Option = int | str | bool | None
"""What a request may choose: `top_k` of a classifier, an operating point of a detector, the timeline of an emotion."""

SLICE = 16
"""Most windows of one recording in a call of the graph."""
LONG_AT_ONCE = 4
"""Long recordings that are unfolded at the same time: decoded, one can be a hundred times what was sent."""


@dataclass(frozen=True)
class Clip:
    """A recording on its way to the model."""

    rows: Floats
    """wav_WN windows, or feat_WFT when the front end is a graph of its own and the model is elsewhere."""
    duration_s: float


class Extractor:
    """Bytes -> bounded decode -> mono at the model's rate -> windows, and features if an engine for them is given."""

    def __init__(self, info: BundleInfo, limits: Limits, frontend: Engine | None = None) -> None:
        self._info = info
        self._limits = limits
        self._frontend = frontend
        self._sandbox = Sandbox(workers=limits.decoders, timeout_s=limits.decode_s)
        self._paces: defaultdict[str, Pace] = defaultdict(Pace)
        """By container: how much sound is in a byte differs a hundredfold between them."""

    def is_short(self, data: bytes) -> bool:
        """Whether it will be done in no time."""
        return self._paces[sniff(data)].is_short(len(data))

    async def __call__(self, data: bytes) -> Clip:
        pace, size = self._paces[sniff(data)], len(data)
        # What other processes decode is waited for in a thread, however short it will be.
        run = pace.run if is_plain(data) else partial(asyncio.to_thread, pace.run_here)
        clip = await run(lambda: self.extract(data), size)
        quota.heard(clip.duration_s)
        return clip

    def extract(self, data: bytes) -> Clip:
        max_bytes = int(self._limits.max_body_mib * 2**20)
        rate_hz, max_s = self._info.sample_rate_hz, self._limits.max_audio_s
        wav_N = self._sandbox.decode(data, rate_hz=rate_hz, max_s=max_s, max_bytes=max_bytes)
        wav_WN = windows(self._info, wav_N)
        rows = wav_WN if self._frontend is None else self._frontend.features(wav_WN)
        return Clip(rows, len(wav_N) / self._info.sample_rate_hz)


class Waiting:
    """Rows that wait for the graph."""

    def __init__(self, rows: Floats) -> None:
        self.rows = rows
        self.came_s = self.began_s = time.perf_counter()
        """When they came, and when the graph began with them."""

    def note(self) -> None:
        """The answer is there."""
        here, now = visit.here(), time.perf_counter()
        here.note("queue", self.came_s, self.began_s - self.came_s)
        here.note("graph", self.began_s, now - self.began_s)


class Model:
    """The batched graph: the rows of all waiting requests share its calls, unless that gains nothing here."""

    def __init__(self, engine: Engine, app: ModelApp, metrics: Metrics, *, body: bool = False) -> None:
        self._call = engine.body if body else engine.logits
        silence_1N = np.zeros((1, round(engine.info.clip_s * engine.info.sample_rate_hz)), np.float32)
        row = engine.features(silence_1N) if body else silence_1N
        self._metrics = metrics
        self._batcher: Batcher[Waiting, Floats] = Batcher(
            self._run,
            cost=lambda waiting: len(waiting.rows),
            key=lambda waiting: waiting.rows.shape[1:],
            max_batch=app.batching.max_batch,
            max_cost=4 * SLICE,
            wait_s=app.batching.wait_ms / 1000,
            eager=app.batching.wait_ms == 0 and not batches_pay(self._call, row),
            observe=self._observe,
        )

    async def __call__(self, rows: Floats) -> Floats:
        """rows [W, ...] -> logits_WK. Long recordings go slice by slice, so that short ones get their turn between."""
        parts = [await self._part(rows[start : start + SLICE]) for start in range(0, len(rows), SLICE)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    async def _part(self, rows: Floats) -> Floats:
        waiting = Waiting(rows)
        logits_WK = await self._batcher.submit(waiting)
        waiting.note()
        return logits_WK

    def _run(self, items: Sequence[Waiting]) -> list[Floats]:
        began_s = time.perf_counter()
        for waiting in items:
            waiting.began_s = began_s
        logits_WK = self._call(items[0].rows if len(items) == 1 else np.concatenate([one.rows for one in items]))
        return np.split(logits_WK, np.cumsum([len(one.rows) for one in items])[:-1])

    def _observe(self, items: int, seconds: float) -> None:
        self._metrics.batch_rows.observe(items)
        self._metrics.graph_seconds.observe(seconds)


def batches_pay(call: Callable[[Floats], Floats], row: Floats) -> bool:
    """Whether eight rows in one call are clearly cheaper than eight calls. Also the first calls, which are slow."""

    def fastest_s(rows: Floats) -> float:
        times: list[float] = []
        for _ in range(4):
            start = time.perf_counter()
            call(rows)
            times.append(time.perf_counter() - start)
        return min(times)

    return fastest_s(np.repeat(row, 8, axis=0)) < 0.8 * 8 * fastest_s(row)


class Postprocess:
    """Logits -> what the user reads."""

    def __init__(self, info: BundleInfo, *, emotions: bool = False) -> None:
        self._info, self._emotions = info, emotions

    async def __call__(self, logits_WK: Floats, duration_s: float, option: Option = None) -> Told:
        if self._emotions:
            return emotion(self._info, logits_WK, duration_s, timeline=bool(option))
        return ANSWERS[self._info.task](self._info, logits_WK, duration_s, option)


def _unheard(seconds: float) -> None:
    """For those who do not count."""


@dataclass(frozen=True)
class Pipeline:
    """The three stages in a row; the last two may be in other processes."""

    extract: Extractor
    model: Callable[[Floats], Awaitable[Floats]]
    postprocess: Callable[[Floats, float, Option], Awaitable[Told]]
    heard: Callable[[float], None] = _unheard
    """Told how many seconds of sound were answered about."""
    long: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LONG_AT_ONCE))
    turnstile: Turnstile = field(default_factory=Turnstile)

    async def __call__(self, data: bytes, option: Option = None) -> Told:
        if self.extract.is_short(data):
            with visit.stage("queue"):
                await self.turnstile.passed()
            return await self._answer(data, option)
        with visit.stage("queue"):
            await self.long.acquire()
        try:
            return await self._answer(data, option)
        finally:
            self.long.release()

    async def _answer(self, data: bytes, option: Option) -> Told:
        with visit.stage("decode"):
            clip = await self.extract(data)
        logits_WK = await self._logits(clip.rows)
        with visit.stage("answer"):
            told = await self.postprocess(logits_WK, clip.duration_s, option)
        self.heard(clip.duration_s)
        return told

    async def _logits(self, rows: Floats) -> Floats:
        if isinstance(self.model, Model):
            return await self.model(rows)  # it notes itself how long they waited
        with visit.stage("graph"):  # elsewhere: the way there is part of it
            return await self.model(rows)
