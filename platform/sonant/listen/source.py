"""Where `sonant listen` hears: a microphone, or a file that is played as if it were live."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sonant.audio.decode import decode_path
from sonant.audio.samples import Wav
from sonant.errors import EnvError
from sonant.listen.ring import Ring

CHUNK_S = 0.05
_MAX_S = 3600.0
_WAIT_S = 1.0
"""Most sound of a microphone that waits for its reader."""


def from_file(
    path: str, rate_hz: int, *, pause: Callable[[float], None] = time.sleep, fast: bool = False
) -> Iterator[Wav]:
    """A file's samples in chunks of 50 ms, each given when it would have been spoken; at once with `fast`."""
    wav_N = decode_path(path, rate_hz=rate_hz, max_s=_MAX_S)
    size = round(CHUNK_S * rate_hz)
    began = time.monotonic()
    for start in range(0, len(wav_N), size):
        chunk_N = wav_N[start : start + size]
        ahead_s = (start + len(chunk_N)) / rate_hz - (time.monotonic() - began)
        if not fast and ahead_s > 0:
            pause(ahead_s)
        yield chunk_N


class Played:
    """A file as a source."""

    waiting_s = lost_s = 0.0

    def __init__(self, path: str, rate_hz: int, *, fast: bool = False) -> None:
        self.rate_hz, self._path, self._fast = rate_hz, path, fast

    def __iter__(self) -> Iterator[Wav]:
        return from_file(self._path, self.rate_hz, fast=self._fast)


class Microphone:
    """A device that hears, from the moment it is iterated: chunks of 50 ms until the reader stops. When more than
    `_WAIT_S` of sound waits for a reader that is too slow, the oldest is lost."""

    def __init__(self, device: str | None = None, rate_hz: int | None = None) -> None:
        """At the rate that is asked for, else at the device's own."""
        self._library, self._device = sounddevice(), known(device)
        self.rate_hz = rate_hz or int(
            self._opened(self._library.query_devices, self._device, "input")["default_samplerate"]
        )
        self._ring = Ring(int(_WAIT_S * self.rate_hz))

    @property
    def waiting_s(self) -> float:
        """Sound that was heard and not yet read."""
        return self._ring.waiting / self.rate_hz

    @property
    def lost_s(self) -> float:
        """Sound that was lost, because the reader is too slow."""
        return self._ring.lost / self.rate_hz

    def __iter__(self) -> Iterator[Wav]:
        stream = self._opened(
            self._library.InputStream,
            samplerate=self.rate_hz,
            channels=1,
            dtype="float32",
            device=self._device,
            blocksize=round(CHUNK_S * self.rate_hz),
            callback=self._heard,
        )
        with stream:
            while True:
                yield self._ring.next()

    def _heard(self, block_N1: Any, frames: int, moment: Any, status: Any) -> None:
        self._ring.push(np.asarray(block_N1)[:, 0].astype(np.float32))

    def _opened(self, make: Callable[..., Any], *words: Any, **settings: Any) -> Any:
        try:
            return make(*words, **settings)
        except (self._library.PortAudioError, ValueError) as error:
            hint = "list them with `python -m sounddevice`, or play a file with --file"
            raise EnvError("env.no_device", f"no microphone can be opened: {error}", hint=hint) from None


def from_microphone(rate_hz: int, device: str | None = None) -> Iterator[Wav]:
    """What a microphone hears, until the reader stops."""
    return iter(Microphone(device, rate_hz))


def known(device: str | None) -> int | str | None:
    """A device as PortAudio names it: a number, or a part of its name."""
    return int(device) if device is not None and device.isdigit() else device


def sounddevice() -> Any:
    """The library, or EnvError that tells what is missing."""
    try:
        return importlib.import_module("sounddevice")  # it has no types
    except ImportError:
        hint = "pip install 'sonant[listen]', or play a file with --file"
        raise EnvError("env.missing_extra", "sounddevice is not installed", hint=hint) from None
    except OSError as error:  # the Python package is there, the C library is not
        hint = "install PortAudio (apt-get install libportaudio2), or play a file with --file"
        raise EnvError("env.no_device", f"sounddevice cannot be used: {error}", hint=hint) from None
