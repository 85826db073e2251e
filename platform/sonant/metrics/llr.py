"""Log-likelihood ratio: how badly the linear prediction of degraded speech fits the clean (Quackenbush et al. 1988).

Letters: N samples, T frames, K coefficients.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.metrics.speech_frames import best_mean, windowed

Floats = NDArray[np.floating]

# Noise 90 dB under each frame: all-pole models of pure tones have no finite solution without it.
_WHITE = 1e-9


def llr(estimate_N: Floats, target_N: Floats, rate_hz: int) -> float:
    """Mean over the best 95 % of the frames of log(a R a' / b R b'), where R is the autocorrelation of the target, b
    its prediction and a that of the estimate; at least 0. NaN where the target is silent throughout, or too short."""
    order = 10 if rate_hz < 10_000 else 16
    target_TN, estimate_TN = windowed(target_N, rate_hz), windowed(estimate_N, rate_hz)
    sounding_T = target_TN.any(axis=1)
    target_TK = _autocorrelation(target_TN[sounding_T], order)
    estimate_TK = _autocorrelation(estimate_TN[sounding_T], order)
    own_T, other_T = (
        _error(predictor_TK, target_TK) for predictor_TK in (_predictor(target_TK), _predictor(estimate_TK))
    )
    return best_mean(np.log(np.maximum(other_T / own_T, 1.0)))


def _autocorrelation(frame_TN: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Lags 0 .. order of each frame, (T, K + 1); of silence, those of white noise: it predicts nothing."""
    samples = frame_TN.shape[1]
    lag_TK = np.stack([(frame_TN[:, : samples - k] * frame_TN[:, k:]).sum(axis=1) for k in range(order + 1)], axis=1)
    lag_TK[:, 0] = np.where(lag_TK[:, 0] > 0, lag_TK[:, 0] * (1 + _WHITE), 1.0)
    return lag_TK


def _predictor(lag_TK: NDArray[np.float64]) -> NDArray[np.float64]:
    """1, a_1, ... of each frame by the recursion of Levinson and Durbin, all frames at once."""
    coefficient_TK = np.zeros_like(lag_TK)
    coefficient_TK[:, 0] = 1.0
    error_T = lag_TK[:, 0].copy()
    for k in range(1, lag_TK.shape[1]):
        reflection_T = -(coefficient_TK[:, :k] * lag_TK[:, k:0:-1]).sum(axis=1) / error_T
        coefficient_TK[:, : k + 1] += reflection_T[:, None] * coefficient_TK[:, k::-1]
        error_T = error_T * np.maximum(1 - reflection_T**2, _WHITE)
    return coefficient_TK


def _error(predictor_TK: NDArray[np.float64], lag_TK: NDArray[np.float64]) -> NDArray[np.float64]:
    """a R a' with the Toeplitz matrix R of the lags: energy of what the prediction leaves, (T,)."""
    number_K = np.arange(lag_TK.shape[1])
    matrix_TKK = lag_TK[:, np.abs(number_K[:, None] - number_K)]
    return np.einsum("tk,tkl,tl->t", predictor_TK, matrix_TKK, predictor_TK)
