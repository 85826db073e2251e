"""Whose voice is wanted: recordings, or the id of an enrolled speaker, become the vector that an extractor follows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sonant.audio.sandbox import Sandbox
from sonant.config.replica import Limits
from sonant.edge import quota, visit
from sonant.edge.speakers import SpeakerStore
from sonant.errors import RequestError
from sonant.runtime.scores import Floats
from sonant.runtime.voices import REFERENCE_S, VoiceEngine

_AT_ONCE = 4
"""Enrolments that are decoded at the same time: unfolded, a recording can be a hundred times what was sent."""


class Voice(NamedTuple):
    """A voice, and how much sound it was made of."""

    voice_E: Floats
    duration_s: float


class Enroller:
    """Makes voices for one extractor, off the event loop; `store` is None where no speakers are kept."""

    def __init__(self, engine: VoiceEngine, limits: Limits, store: SpeakerStore | None = None) -> None:
        self._engine, self._limits, self._store = engine, limits, store
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._sandbox = Sandbox(workers=limits.decoders, timeout_s=limits.decode_s)

    async def of_recordings(self, files: Sequence[bytes]) -> Voice:
        """The voice that several recordings of one speaker have in common."""
        with visit.stage("queue"):
            await self._room.acquire()
        try:
            return await asyncio.to_thread(self._made, files)
        finally:
            self._room.release()

    async def of_speaker(self, speaker_id: str) -> Floats:
        """The voice_E that was enrolled, with this very bundle."""
        if self._store is None:
            hint = "send a recording of the voice instead, or set `speakers` of this application"
            raise RequestError("request.invalid", "no speakers are kept here", hint=hint)
        speaker = await asyncio.to_thread(self._store.get, speaker_id)
        speaker.check_model(self._engine.info)
        return np.array(speaker.vector, np.float32)

    def _made(self, files: Sequence[bytes]) -> Voice:
        rate_hz, most = self._engine.info.sample_rate_hz, int(self._limits.max_body_mib * 2**20)
        refs: list[Floats] = []
        samples = 0
        for data in files:
            with visit.stage("decode"):
                ref_N = self._sandbox.decode(data, rate_hz=rate_hz, max_s=self._limits.max_audio_s, max_bytes=most)
            samples += len(ref_N)
            refs.append(ref_N[: int(REFERENCE_S * rate_hz)].copy())
        quota.heard(samples / rate_hz)
        with visit.stage("graph"):
            return Voice(self._engine.enroll(refs), samples / rate_hz)
