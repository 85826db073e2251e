"""Live sessions that are answered with sound: what came in, sample by sample, as the network has it.

Beside the sound go messages about it, a few a second: how loud it came in and goes out, and whether what is wanted is
there, where the network tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sonant.audio.samples import Wav, to_int16
from sonant.edge.protocol import Level, Output, Set, SoundFormat, Start
from sonant.edge.streams import Said, Sitting, Streams
from sonant.runtime.level import dbfs, power
from sonant.runtime.slots import Slot
from sonant.runtime.sound_session import SoundSession
from sonant.runtime.sound_slots import Heard, SoundPool

LEVEL_S = 0.25
"""Sound between two messages about it."""
DEFAULT: SoundFormat = "pcm_s16le"
_METERED = ("samples", "_given", "_input", "_output", "_presence", "_hops")


class SoundStreams(Streams[Heard]):
    """Sessions of a network that answers with sound."""

    options = frozenset({"output", "dry"})

    def __init__(self, pool: SoundPool) -> None:
        super().__init__(pool, pool.info)
        self._slots = pool

    def sitting(self, slot: Slot, start: Start) -> SoundSitting:
        """The sound in the format that the client wants, and its levels."""
        return SoundSitting(self._slots, slot, start.output or DEFAULT, start.dry)

    def change(self, sitting: Sitting[Heard], message: Set) -> None:
        """Another share of what came in."""
        assert isinstance(sitting, SoundSitting), "it was made here"
        sitting.change(message.dry)

    def output(self, start: Start) -> Output:
        """The sound that goes out."""
        rate_hz = self.info.sample_rate_hz
        latency_ms = 1000 * self.info.latency / rate_hz
        return Output(format=start.output or DEFAULT, sample_rate_hz=rate_hz, latency_ms=latency_ms)


class SoundSitting:
    """The stream of one client."""

    def __init__(self, pool: SoundPool, slot: Slot, output: SoundFormat, dry: float) -> None:
        self._rate_hz = pool.info.sample_rate_hz
        self._session = SoundSession(pool, slot, self._rate_hz, dry=dry)
        self._output: SoundFormat = output
        self._meter = Meter()

    @property
    def audio_s(self) -> float:
        """Seconds of sound that came in."""
        return self._session.audio_s

    def push(self, pcm_N: Wav, /) -> None:
        """Takes samples at the model's rate."""
        self._session.push(pcm_N)

    def ready(self) -> Wav | None:
        """The next whole hops to step."""
        chunk_N = self._session.ready()
        if chunk_N is not None:
            self._meter.comes_in(chunk_N)
        return chunk_N

    def take(self, answer: Heard, /) -> Iterable[Said]:
        """The new sound, and from time to time its level."""
        yield from self._sound(self._session.take(answer))
        self._meter.told(answer)
        if self._meter.samples >= LEVEL_S * self._rate_hz:
            yield self._level()

    def change(self, dry: float) -> None:
        """Another share of what came in."""
        self._session.dry = dry

    def flush(self) -> None:
        """Zeros fill the last hop."""
        self._session.flush()

    def finish(self) -> list[Said]:
        """The sound up to the very last sample, and the level of what no message has told."""
        said: list[Said] = [*self._sound(self._session.finish())]
        return [*said, self._level()] if self._meter.samples else said

    def save(self) -> dict[str, Any]:
        """All that it takes to go on from here, besides what the pool saves."""
        return {"session": self._session.save(), "meter": self._meter.save()}

    def load(self, saved: dict[str, Any]) -> None:
        """Goes on from there."""
        self._session.load(saved["session"])
        self._meter.load(saved["meter"])

    def _sound(self, wav_N: Wav) -> Iterable[bytes]:
        self._meter.goes_out(wav_N)
        if len(wav_N):
            yield encoded(wav_N, self._output)

    def _level(self) -> Said:
        return self._meter.read(self._session.given / self._rate_hz).model_dump(exclude_none=True)


class Meter:
    """Levels and presence since it was last read."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.samples = self._given = 0
        self._input = self._output = self._presence = 0.0
        self._hops = 0

    def save(self) -> dict[str, Any]:
        """What it knows."""
        return {name: getattr(self, name) for name in _METERED}

    def load(self, saved: dict[str, Any]) -> None:
        """Goes on from there."""
        for name in _METERED:
            setattr(self, name, saved[name])

    def comes_in(self, wav_N: Wav) -> None:
        """Sound that is about to be stepped."""
        self.samples += len(wav_N)
        self._input += power(wav_N)

    def goes_out(self, wav_N: Wav) -> None:
        """Sound that the client gets."""
        self._given += len(wav_N)
        self._output += power(wav_N)

    def told(self, heard: Heard) -> None:
        """What a step says of presence, if anything."""
        if heard.presence_F is not None:
            self._presence += float(heard.presence_F.sum())
            self._hops += len(heard.presence_F)

    def read(self, time_s: float) -> Level:
        """All since the last time, as a message."""
        level = Level(
            t=round(time_s, 4),
            input_dbfs=dbfs(self._input, self.samples),
            output_dbfs=dbfs(self._output, self._given),
            presence=round(self._presence / self._hops, 4) if self._hops else None,
        )
        self._clear()
        return level


def encoded(wav_N: Wav, form: SoundFormat) -> bytes:
    """Samples as binary messages hold them."""
    return wav_N.astype("<f4").tobytes() if form == "pcm_f32le" else to_int16(wav_N).astype("<i2").tobytes()
