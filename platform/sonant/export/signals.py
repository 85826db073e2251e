"""Sounds that a parity proof is made with: what breaks graphs is silence, overload and sizes nobody tried."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Make = Callable[[int, int, np.random.Generator], NDArray[np.float64]]


def _silence(samples: int, rate_hz: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return np.zeros(samples)


def _voice(samples: int, rate_hz: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Harmonics of a gliding pitch, loud and soft at the rate of syllables, over faint noise."""
    time = np.arange(samples) / rate_hz
    pitch_hz = 140 * 2 ** (0.3 * np.sin(2 * np.pi * 0.7 * time + rng.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / rate_hz
    harmonics = [np.sin(n * phase + rng.uniform(0, 6)) / n for n in range(1, 20)]
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time + rng.uniform(0, 6)), 0, 1)
    return 0.2 * np.sum(harmonics, axis=0) * syllables + 1e-3 * rng.standard_normal(samples)


def _loud(samples: int, rate_hz: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise driven into the rails: every sample at full scale."""
    return np.sign(rng.standard_normal(samples))


def _faint(samples: int, rate_hz: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise at the last bit of 16."""
    return rng.standard_normal(samples) / 32768


def _burst(samples: int, rate_hz: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Silence, then speech-like sound, then silence again, as a live microphone with a gate sends it."""
    wav = _voice(samples, rate_hz, rng)
    wav[: samples // 3] = 0
    wav[2 * samples // 3 :] = 0
    return wav


KINDS: dict[str, Make] = {"voice": _voice, "silence": _silence, "loud": _loud, "faint": _faint, "burst": _burst}


def batch(rows: int, samples: int, rate_hz: int, *, first: int = 0) -> Floats:
    """wav_BN of `rows` sounds of different kinds, the first of kind number `first`; the same every time."""
    makes = list(KINDS.values())
    return np.stack(
        [
            makes[(first + row) % len(makes)](samples, rate_hz, np.random.default_rng([first, row, samples]))
            for row in range(rows)
        ]
    ).astype(np.float32)
