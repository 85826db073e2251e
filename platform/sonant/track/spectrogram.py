"""A picture of a sound, for tables that people look through."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WINDOW_S, _HOP_S, _RANGE_DB = 0.025, 0.010, 80.0


def decibels(wav_N: NDArray[np.floating], rate_hz: int) -> NDArray[np.float64]:
    """Hann-windowed power spectra every 10 ms, (F, T), in dB below the loudest point, cut off at -80."""
    window, hop = round(_WINDOW_S * rate_hz), round(_HOP_S * rate_hz)
    padded = np.pad(wav_N.astype(np.float64), (0, max(0, window - len(wav_N))))
    frames_TW = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop] * np.hanning(window)
    power_FT = np.abs(np.fft.rfft(frames_TW, axis=1).T) ** 2
    level_FT = 10.0 * np.log10(np.maximum(power_FT, 1e-12))
    return np.maximum(level_FT - level_FT.max(), -_RANGE_DB)


def image(wav_N: NDArray[np.floating], rate_hz: int) -> NDArray[np.uint8]:
    """The same as an RGB picture, low frequencies at the bottom, (F, T, 3)."""
    from matplotlib import colormaps

    shade_FT = 1.0 + decibels(wav_N, rate_hz)[::-1] / _RANGE_DB
    return np.asarray(colormaps["magma"](shade_FT, bytes=True), dtype=np.uint8)[..., :3]
