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


def wave_image(wav_N: NDArray[np.floating], *, height: int = 96, columns: int = 480) -> NDArray[np.uint8]:
    """A waveform at full scale as an RGB picture, dark on light, (height, W, 3): each column reaches from its lowest to
    its highest sample."""
    parts = [part_N for part_N in np.array_split(np.clip(wav_N, -1, 1), columns) if len(part_N)]
    row_H1 = np.linspace(1, -1, height)[:, None]
    low_W, high_W = (np.array([pick(part_N) for part_N in parts]) for pick in (np.min, np.max))
    # At least a row thick, so that silence shows as a line.
    inside_HW = (row_H1 <= high_W + 1 / height) & (row_H1 >= low_W - 1 / height)
    return np.repeat(np.where(inside_HW, 40, 245).astype(np.uint8)[..., None], 3, axis=2)
