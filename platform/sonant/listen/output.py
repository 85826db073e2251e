"""Where `sonant listen --enhance` plays: an output device, such as a loopback that other programs use as microphone, or
a WAV file."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

from sonant.audio.resample import StreamResampler
from sonant.audio.samples import Wav
from sonant.audio.wav import WavWriter
from sonant.errors import EnvError
from sonant.listen.ring import Ring
from sonant.listen.source import known, sounddevice

_START_S = 0.06
_MOST_S = 0.5


class Output(Protocol):
    """What takes sound; used as a context, which ends when all was heard."""

    @property
    def delay_s(self) -> float:
        """Time until what is pushed now is heard."""
        ...

    @property
    def gaps(self) -> int:
        """Times that there was nothing to play when there should have been."""
        ...

    def open(self, rate_hz: int, /) -> None:
        """Sound will come at this rate."""
        ...

    def push(self, wav_N: Wav, /) -> None:
        """The next samples."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class FileOutput:
    """A WAV file."""

    delay_s = 0.0
    gaps = 0

    def __init__(self, path: str) -> None:
        self._path, self._writer, self._ends = path, None, ExitStack()

    def open(self, rate_hz: int, /) -> None:
        """Begins the file."""
        file = self._ends.enter_context(open(self._path, "wb"))  # noqa: SIM115 - the stack closes it
        self._writer = WavWriter(file, rate_hz)
        self._ends.callback(self._writer.close)

    def push(self, wav_N: Wav, /) -> None:
        """Writes samples."""
        assert self._writer is not None, "it was opened"
        self._writer.write(wav_N)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()


class DeviceOutput:
    """A device, at its own rate: its callback takes from a ring, a little after it could, so that what is late by a
    moment leaves no gap."""

    def __init__(self, device: str | None = None) -> None:
        self._library, self._device = sounddevice(), known(device)
        self._stream: Any = None

    @property
    def delay_s(self) -> float:
        """What waits, and what the device says of itself."""
        return self._ring.waiting / self._rate_hz + float(self._stream.latency)

    @property
    def gaps(self) -> int:
        """Callbacks that found too little."""
        return self._ring.gaps

    def open(self, rate_hz: int, /) -> None:
        """Starts the device."""
        try:
            facts = self._library.query_devices(self._device, "output")
            self._rate_hz = int(facts["default_samplerate"])
            self._resampler = StreamResampler(rate_hz, self._rate_hz)
            self._ring = Ring(int(_MOST_S * self._rate_hz), int(_START_S * self._rate_hz))
            self._stream = self._library.OutputStream(
                samplerate=self._rate_hz, channels=1, dtype="float32", device=self._device, callback=self._play
            )
            self._stream.start()
        except (self._library.PortAudioError, ValueError) as error:
            hint = "list them with `python -m sounddevice`, or write a file with --output clean.wav"
            raise EnvError("env.no_device", f"no output device can be opened: {error}", hint=hint) from None

    def push(self, wav_N: Wav, /) -> None:
        """Hands samples to the device."""
        self._ring.push(np.clip(self._resampler.push(wav_N), -1, 1))

    def _play(self, out_N1: Any, frames: int, moment: Any, status: Any) -> None:
        out_N1[:, 0] = self._ring.pull(frames)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is None:
            return
        if kind is None:
            self._ring.push(self._resampler.flush())
            self._ring.end()
            self._ring.wait_until_empty(2 * _MOST_S)
        self._stream.stop()
        self._stream.close()
