"""Change the sample rate: soxr at high quality, of whole signals or chunk by chunk, with the same values either way."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import soxr

from sonant.audio.samples import Wav

_QUALITY = "HQ"
_WARM, _STRIDE = 2048, 8192
"""Samples at the lower of two rates: those that a fresh filter hears before it is used, and between fresh filters."""


class Resampler(Protocol):
    """A mono stream on its way to another rate."""

    def push(self, wav_N: Wav) -> Wav:
        """Take any number of samples, give those that are ready."""
        ...

    def flush(self) -> Wav:
        """The rest, once the input has ended."""
        ...


def resample(wav_N: Wav, from_hz: int, to_hz: int) -> Wav:
    """A whole mono signal at another rate: N samples become round(N * to_hz / from_hz)."""
    if from_hz == to_hz:
        return wav_N
    return soxr.resample(wav_N, from_hz, to_hz, quality=_QUALITY)


class StreamResampler:
    """Resamples a mono stream chunk by chunk; the parts joined equal `resample` of the whole.

    Output trails input by the length of the filter: some 12 ms at 48 -> 16 kHz. Equal rates pass through untouched.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        equal = from_hz == to_hz
        self._stream = None if equal else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality=_QUALITY)

    def push(self, wav_N: Wav) -> Wav:
        """Take any number of samples, give those that are ready."""
        return wav_N if self._stream is None else self._stream.resample_chunk(wav_N)

    def flush(self) -> Wav:
        """The rest, once the input has ended; nothing may be pushed after it."""
        nothing = np.zeros(0, np.float32)
        return nothing if self._stream is None else self._stream.resample_chunk(nothing, last=True)


class LiveResampler:
    """A StreamResampler that can be saved and go on elsewhere, to the last bit.

    The library does not tell what its filters hold. So a fresh filter takes over every half second or so (`_STRIDE`),
    at places that depend on nothing but the count of samples; it has heard enough before (`_WARM`) to give what the old
    one would have given, up to the rounding of the last bit. What is saved is the sound that the present filter heard.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        common, lower = math.gcd(from_hz, to_hz), min(from_hz, to_hz)
        self._from_hz, self._to_hz = from_hz, to_hz
        unit = from_hz // common  # a whole number of samples on both sides
        self._warm, self._stride = (unit * max(1, round(common * size / lower)) for size in (_WARM, _STRIDE))
        self._seen = self._given = 0
        """Samples taken and handed out."""
        self._restart(np.zeros(0, np.float32))

    def push(self, wav_N: Wav) -> Wav:
        """Take any number of samples, give those that are ready."""
        if self._from_hz == self._to_hz:
            return wav_N
        parts: list[Wav] = []
        while len(wav_N) >= (room := self._turn() - self._seen):
            parts.append(self._feed(wav_N[:room]))
            wav_N = wav_N[room:]
            heard_N = self._heard()[self._start() - self._began :]
            parts.append(self._restart(heard_N))
        parts.append(self._feed(wav_N))
        return np.concatenate(parts)

    def flush(self) -> Wav:
        """The rest, once the input has ended; nothing may be pushed after it."""
        nothing = np.zeros(0, np.float32)
        return nothing if self._from_hz == self._to_hz else self._new(self._stream.resample_chunk(nothing, last=True))

    def save(self) -> dict[str, Any]:
        """All that it takes to go on from here."""
        return {"seen": self._seen, "given": self._given, "heard": self._heard()}

    def load(self, saved: dict[str, Any]) -> None:
        """Goes on from there; the rates are the same."""
        self._seen, self._given = saved["seen"], saved["given"]
        self._restart(saved["heard"])

    def _turn(self) -> int:
        """The count of samples at which the next fresh filter takes over."""
        return (max(0, self._seen - self._warm) // self._stride + 1) * self._stride + self._warm

    def _start(self) -> int:
        """The first sample that the present filter hears."""
        return max(0, max(0, self._seen - self._warm) // self._stride * self._stride - self._warm)

    def _heard(self) -> Wav:
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        return self._parts[0]

    def _restart(self, heard_N: Wav) -> Wav:
        """A fresh filter, which hears the sound from `_start` to where we are; what is new in what it gives."""
        self._began, self._parts = self._start(), [heard_N]
        self._stream = soxr.ResampleStream(self._from_hz, self._to_hz, 1, dtype="float32", quality=_QUALITY)
        self._skip = self._given - self._began * self._to_hz // self._from_hz
        return self._new(self._stream.resample_chunk(heard_N))

    def _feed(self, wav_N: Wav) -> Wav:
        self._seen += len(wav_N)
        self._parts.append(wav_N)
        return self._new(self._stream.resample_chunk(wav_N))

    def _new(self, wav_N: Wav) -> Wav:
        """Without what was given out before."""
        old = min(self._skip, len(wav_N))
        self._skip -= old
        self._given += len(wav_N) - old
        return wav_N[old:]
