"""Live sound without its noise, from a microphone or file to an output: by a bundle in this process, or by a server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sonant.audio.samples import Wav, to_int16
from sonant.errors import ModelError
from sonant.listen.output import Output
from sonant.listen.there import talk
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.level import Gauge
from sonant.runtime.sound_session import SoundSession
from sonant.runtime.sound_slots import SoundPool

TELL_S = 0.25
"""Sound between two readings."""

Opened = Callable[[int], None]
"""Told the rate of the sound that comes, before the first of it."""
Enhance = Callable[[Iterable[Wav], int, Opened], Iterator[Wav]]
"""Chunks at a rate in any sizes -> the same without noise, some time behind."""


class Source(Protocol):
    """What is heard, in chunks."""

    rate_hz: int

    @property
    def waiting_s(self) -> float:
        """Sound that was heard and not yet read."""
        ...

    @property
    def lost_s(self) -> float:
        """Sound that was lost, because its reader is too slow."""
        ...

    def __iter__(self) -> Iterator[Wav]: ...


@dataclass
class Reading:
    """How it goes, since the last reading or in all."""

    time_s: float
    """Sound so far."""
    input_dbfs: float
    output_dbfs: float
    delay_ms: float
    """From the microphone to the ear, as far as it is known: what waits on both sides, and the network's own delay."""
    lost_s: float
    """Overruns: sound that was never enhanced, in all."""
    gaps: int
    """Underruns: times that the output had nothing to play, in all."""

    def line(self) -> str:
        """For a terminal."""
        return (
            f"{self.time_s:7.1f} s   in {self.input_dbfs:6.1f} dBFS   out {self.output_dbfs:6.1f} dBFS   "
            f"{self.delay_ms:4.0f} ms behind   {self.lost_s:.2f} s lost   {self.gaps} gaps"
        )


def enhance_live(source: Source, enhance: Enhance, output: Output, *, own_delay_s: float = 0.0) -> Iterator[Reading]:
    """Plays what is heard without its noise until it ends; readings on the way, and one at the end. `own_delay_s` is
    that of the network, if it is known."""
    into, out, seconds = Gauge(), Gauge(), 0.0

    def heard() -> Iterator[Wav]:
        for chunk_N in source:
            into.add(chunk_N)
            yield chunk_N

    def reading() -> Reading:
        delay_s = source.waiting_s + own_delay_s + output.delay_s
        return Reading(seconds, into.dbfs, out.dbfs, 1000 * delay_s, source.lost_s, output.gaps)

    rate_hz, told = 0, 0.0

    def opened(rate: int) -> None:
        nonlocal rate_hz
        rate_hz = rate
        output.open(rate)

    with output:
        for wav_N in enhance(heard(), source.rate_hz, opened):
            output.push(wav_N)
            out.add(wav_N)
            seconds += len(wav_N) / rate_hz
            if seconds >= told + TELL_S:
                yield reading()
                told, into, out = seconds, Gauge(), Gauge()
        last = reading()
    yield last


def by_bundle(engine: EnhanceEngine, *, dry: float = 0.0) -> Enhance:
    """The network in this process."""
    if not engine.live:
        raise ModelError("model.no_stream", f"{engine.info.id} needs whole recordings", hint="sonant infer takes files")

    def enhance(chunks: Iterable[Wav], rate_hz: int, opened: Opened) -> Iterator[Wav]:
        pool = SoundPool(engine, 1)
        slot = pool.admit()
        assert slot is not None, "a new pool has room"
        session = SoundSession(pool, slot, rate_hz, dry=dry)
        opened(engine.info.sample_rate_hz)

        def stepped() -> Iterator[Wav]:
            while (chunk_N := session.ready()) is not None:
                yield session.take(pool.step({slot: chunk_N})[slot])

        for chunk_N in chunks:
            session.push(chunk_N)
            yield from stepped()
        session.flush()
        yield from stepped()
        yield session.finish()

    return enhance


def by_server(url: str, *, dry: float = 0.0, token: str | None = None) -> Enhance:
    """A served application: http://host:8000/v1/audio/enhancements."""

    def enhance(chunks: Iterable[Wav], rate_hz: int, opened: Opened) -> Iterator[Wav]:
        start = {"format": "pcm_s16le", "sample_rate_hz": rate_hz, "dry": dry, "output": "pcm_f32le"}
        pcm = (to_int16(chunk_N).astype("<i2").tobytes() for chunk_N in chunks)
        for message in talk(url, start, pcm, token=token):
            if isinstance(message, bytes):
                yield np.frombuffer(message, "<f4").astype(np.float32)
            elif message["type"] == "ready":
                opened(int(message["output"]["sample_rate_hz"]))

    return enhance
