"""Coloured noise: power falls with frequency as f^-slope (0 white, 1 pink, 2 brown; below 0 it rises)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Below this share of the Nyquist frequency power stays flat: a brown hum of 1 Hz would hide all else.
_FLAT_BELOW = 0.005


def coloured(generator: np.random.Generator, samples: int, slope: float) -> NDArray[np.float32]:
    """Noise (N,) with an RMS of 1. The last sample fits the first: it can be read round and round."""
    bins = samples // 2 + 1
    frequency_F = np.maximum(np.linspace(0.0, 1.0, bins), _FLAT_BELOW)
    noise_F = (generator.standard_normal(bins) + 1j * generator.standard_normal(bins)) * frequency_F ** (-slope / 2)
    noise_F[0] = 0.0
    noise_N = np.fft.irfft(noise_F, samples)
    return (noise_N / np.sqrt(np.mean(noise_N**2))).astype(np.float32)
