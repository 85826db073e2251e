"""Where `sonant listen` hears: a microphone, or a file that is played as if it were live."""

from __future__ import annotations

import importlib
import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sonant.audio.decode import decode_path
from sonant.audio.samples import Wav
from sonant.errors import EnvError

CHUNK_S = 0.05
_MAX_S = 3600.0


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


def from_microphone(rate_hz: int, device: str | None = None) -> Iterator[Wav]:
    """What a microphone hears, in chunks of 50 ms, until the reader stops."""
    sounddevice = _sounddevice()
    chunks: queue.SimpleQueue[Wav] = queue.SimpleQueue()

    def heard(block_N1: Any, frames: int, moment: Any, status: Any) -> None:
        chunks.put(np.asarray(block_N1)[:, 0].astype(np.float32))

    known: Any = int(device) if device is not None and device.isdigit() else device
    settings: dict[str, Any] = {"samplerate": rate_hz, "channels": 1, "dtype": "float32", "device": known}
    try:
        stream = sounddevice.InputStream(blocksize=round(CHUNK_S * rate_hz), callback=heard, **settings)
    except (sounddevice.PortAudioError, ValueError) as error:
        hint = "list them with `python -m sounddevice`, or play a file with --file"
        raise EnvError("env.no_device", f"no microphone can be opened: {error}", hint=hint) from None
    with stream:
        while True:
            yield chunks.get()


def _sounddevice() -> Any:
    try:
        return importlib.import_module("sounddevice")  # it has no types
    except ImportError:
        hint = "pip install 'sonant[listen]', or play a file with --file"
        raise EnvError("env.missing_extra", "sounddevice is not installed", hint=hint) from None
    except OSError as error:  # the Python package is there, the C library is not
        hint = "install PortAudio (apt-get install libportaudio2), or play a file with --file"
        raise EnvError("env.no_device", f"sounddevice cannot be used: {error}", hint=hint) from None
