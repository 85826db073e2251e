"""How loud sound is."""

from __future__ import annotations

import math

import numpy as np

from sonant.runtime.scores import Floats

SILENT_DBFS = -120.0
"""What no sound at all is told as: a number, because JSON has no infinity."""


def power(wav_N: Floats) -> float:
    """The sum of squares."""
    return float(np.dot(wav_N.astype(np.float64), wav_N.astype(np.float64)))


def dbfs(total: float, samples: int) -> float:
    """The RMS level of so many samples with that sum of squares; 0 dB is a square wave at full scale."""
    mean = total / samples if samples else 0.0
    return round(max(SILENT_DBFS, 10 * math.log10(mean)), 2) if mean > 0 else SILENT_DBFS


class Gauge:
    """The RMS level of a recording that goes by in parts."""

    def __init__(self) -> None:
        self.samples = 0
        self._total = 0.0

    def add(self, wav_N: Floats) -> None:
        """The next part."""
        self.samples += len(wav_N)
        self._total += power(wav_N)

    @property
    def dbfs(self) -> float:
        """Of all parts so far."""
        return dbfs(self._total, self.samples)


def level_dbfs(wav_N: Floats) -> float:
    """The RMS level of a recording, which may be long: it is taken piece by piece."""
    size, gauge = 1 << 18, Gauge()
    for start in range(0, len(wav_N), size):
        gauge.add(wav_N[start : start + size])
    return gauge.dbfs
