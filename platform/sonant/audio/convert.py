"""From decoded blocks of any shape to mono samples at one rate, with the limits that every decoder shares.

Limits count samples that were really decoded. What a header claims is never used: it may lie in both directions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonant.audio.resample import LiveResampler, Resampler, StreamResampler
from sonant.audio.samples import Wav, mono
from sonant.errors import AudioError

MIN_RATE_HZ = 1_000
MAX_RATE_HZ = 384_000
MAX_CHANNELS = 8
# Work that one allowed second may cost, in samples of all channels: what honest files stay below and bombs do not.
_SAMPLES_PER_S = MAX_CHANNELS * 96_000
# Samples resampled at once: bounds the copies that a large block makes on its way.
_PIECE = 1 << 16


def check_shape(rate_hz: int, channels: int) -> None:
    """Refuse rates and channel counts that no recording has; readers call this before they allocate anything."""
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioError("audio.unsupported", f"{rate_hz} Hz is outside {MIN_RATE_HZ} .. {MAX_RATE_HZ} Hz")
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError("audio.unsupported", f"{channels} channels: 1 .. {MAX_CHANNELS} are read")


class Converter:
    """Blocks (N, C) at any rate in, mono float32 samples at `rate_hz` in [-1, 1] out; at most `max_s` seconds."""

    def __init__(
        self, rate_hz: int, max_s: float, resampler: Callable[[int, int], Resampler] = StreamResampler
    ) -> None:
        self._rate_hz = rate_hz
        self._max_s = max_s
        self._seconds = 0.0
        self._samples = 0
        self._source_hz = rate_hz
        self._make = resampler
        self._resampler = resampler(rate_hz, rate_hz)

    def push(self, source_hz: int, block_NC: NDArray[np.float32]) -> Wav:
        """Take a block, give the samples that are ready. The rate may change between blocks."""
        frames, channels = block_NC.shape
        check_shape(source_hz, channels)
        self._count(frames / source_hz, frames * channels)
        parts: list[Wav] = []
        if source_hz != self._source_hz:
            parts.append(self._resampler.flush())
            self._source_hz = source_hz
            self._resampler = self._make(source_hz, self._rate_hz)
        parts += [self._resampler.push(mono(block_NC[start : start + _PIECE])) for start in range(0, frames, _PIECE)]
        return _joined(parts)

    def flush(self) -> Wav:
        """The samples still held back by the resampler, once the input has ended."""
        return _joined([self._resampler.flush()])

    def save(self) -> dict[str, Any]:
        """All that it takes to go on from here; made with LiveResamplers."""
        assert isinstance(self._resampler, LiveResampler), "other filters do not tell what they hold"
        counts = {"seconds": self._seconds, "samples": self._samples, "source_hz": self._source_hz}
        return {**counts, "resampler": self._resampler.save()}

    def load(self, saved: dict[str, Any]) -> None:
        """Goes on from there."""
        self._seconds, self._samples, self._source_hz = saved["seconds"], saved["samples"], saved["source_hz"]
        resampler = LiveResampler(self._source_hz, self._rate_hz)
        resampler.load(saved["resampler"])
        self._resampler = resampler

    def _count(self, seconds: float, samples: int) -> None:
        self._seconds += seconds
        self._samples += samples
        # A millisecond of grace: the sum of many blocks is rounded.
        if self._seconds > self._max_s + 1e-3:
            raise AudioError("audio.too_long", f"longer than {self._max_s:g} s")
        if self._samples > max(self._max_s, 1.0) * _SAMPLES_PER_S:
            raise AudioError("audio.too_big", f"decodes to more than {self._samples - samples} samples")


def _joined(parts: list[Wav]) -> Wav:
    # A resampled peak may overshoot: what leaves is in range always.
    wav_N = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    return np.clip(wav_N, -1.0, 1.0)
