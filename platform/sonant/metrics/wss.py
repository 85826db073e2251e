"""Weighted spectral slope (Klatt 1982, ICASSP): do the formants stand where they stood?

Letters: N samples, T frames, F frequencies, K bands.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sonant.metrics.speech_frames import best_mean, windowed

Floats = NDArray[np.floating]

# Critical bands: centres and widths in Hz, as the measure is tabulated (Loizou 2013, Speech Enhancement, chapter 11).
_CENTRE_K = np.array([
    50.0, 120.0, 190.0, 260.0, 330.0, 400.0, 470.0, 540.0, 617.372, 703.378, 798.717, 904.128, 1020.38, 1148.30,
    1288.72, 1442.54, 1610.70, 1794.16, 1993.93, 2211.08, 2446.71, 2701.97, 2978.04, 3276.17, 3597.63,
])  # fmt: skip
_WIDTH_K = np.array([
    70.0, 70.0, 70.0, 70.0, 70.0, 70.0, 70.0, 77.3724, 86.0056, 95.3398, 105.411, 116.256, 127.914, 140.423, 153.823,
    168.154, 183.457, 199.776, 217.153, 235.631, 255.255, 276.072, 298.126, 321.465, 346.136,
])  # fmt: skip
# Klatt's constants: how much the loudest band, and the nearest peak, raise the weight of a slope.
_K_MAX, _K_LOCAL = 20.0, 1.0
_SILENCE = 1e-10


def wss(estimate_N: Floats, target_N: Floats, rate_hz: int) -> float:
    """Mean over the best 95 % of the frames of the weighted squared difference of spectral slopes; NaN where the target
    is silent throughout, or too short."""
    target_TN, estimate_TN = windowed(target_N, rate_hz), windowed(estimate_N, rate_hz)
    if not target_TN.any():
        return float("nan")
    target_TK, estimate_TK = _bands(target_TN, rate_hz), _bands(estimate_TN, rate_hz)
    weight_TK = (_weights(target_TK) + _weights(estimate_TK)) / 2
    difference_TK = np.diff(target_TK, axis=1) - np.diff(estimate_TK, axis=1)
    return best_mean((weight_TK * difference_TK**2).sum(axis=1) / weight_TK.sum(axis=1))


def _bands(frame_TN: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    """Energy of each critical band in dB, (T, K)."""
    size = 1 << (2 * frame_TN.shape[1] - 1).bit_length()
    power_TF = np.abs(np.fft.rfft(frame_TN, size)[:, : size // 2]) ** 2
    return 10 * np.log10(np.maximum(power_TF @ _filters(size // 2, rate_hz).T, _SILENCE))


@lru_cache(maxsize=4)
def _filters(bins: int, rate_hz: int) -> NDArray[np.float64]:
    """Gaussian-shaped filters (K, F), narrow ones no higher in sum than wide ones, cut off 13 dB under their peak."""
    centre_K, width_K = (hz_K / (rate_hz / 2) * bins for hz_K in (_CENTRE_K, _WIDTH_K))
    offset_KF = (np.arange(bins) - np.floor(centre_K)[:, None]) / width_K[:, None]
    filter_KF = np.exp(-11 * offset_KF**2 + np.log(width_K[0] / width_K)[:, None])
    return np.where(filter_KF > np.exp(-30 / (2 * 2.303)), filter_KF, 0.0)


def _weights(band_TK: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weight of each slope, (T, K - 1): the higher, the nearer its band is to the loudest one and to its local peak."""
    below_max_TK = band_TK.max(axis=1, keepdims=True) - band_TK[:, :-1]
    below_peak_TK = np.take_along_axis(band_TK, _peaks(band_TK), axis=1) - band_TK[:, :-1]
    return _K_MAX / (_K_MAX + below_max_TK) * _K_LOCAL / (_K_LOCAL + below_peak_TK)


def _peaks(band_TK: NDArray[np.float64]) -> NDArray[np.int64]:
    """Band of the local peak that each slope leads up to: to the right of a rise, to the left of a fall."""
    rise_TK = np.diff(band_TK, axis=1) > 0
    slopes = rise_TK.shape[1]
    place_K = np.arange(slopes)
    # The first band from here on after which it falls, and the last one before here up to which it rises.
    right_TK = np.minimum.accumulate(np.where(rise_TK, slopes, place_K)[:, ::-1], axis=1)[:, ::-1]
    left_TK = np.maximum.accumulate(np.where(rise_TK, place_K, -1), axis=1) + 1
    return np.where(rise_TK, right_TK, left_TK)
