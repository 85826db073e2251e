"""How well could a mask do that knows the answer? The ideal ratio mask (Wang et al. 2014, IEEE/ACM TASLP 22, eq. 3).

Letters: N samples, T frames of W samples, G bins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

WINDOW_MS, OVERLAP = 32.0, 4
"""Length of the frames, and how many of them hold a sample."""


def ideal_ratio_mask(mix_N: Floats, target_N: Floats, rate_hz: int) -> Floats:
    """The mixture with each bin of each frame times sqrt(S / (S + R)), where S is the target's energy there and R that
    of all else; silence without a target."""
    hop = round(WINDOW_MS * rate_hz / 1000 / OVERLAP)
    target_TG, mix_TG = (_spectra(wav_N, hop) for wav_N in (target_N, mix_N))
    own_TG, rest_TG = np.abs(target_TG) ** 2, np.abs(mix_TG - target_TG) ** 2
    whole_TG = own_TG + rest_TG
    mask_TG = np.sqrt(np.divide(own_TG, whole_TG, out=np.zeros_like(own_TG), where=whole_TG > 0))
    return _wave(mask_TG * mix_TG, hop, len(mix_N)).astype(mix_N.dtype)


def _window(hop: int) -> Floats:
    """The root of a periodic Hann window: applied twice, shifted copies of it add up to OVERLAP / 2."""
    size = OVERLAP * hop
    return np.sin(np.pi * np.arange(size) / size)


def _spectra(wav_N: Floats, hop: int) -> NDArray[np.complex128]:
    """Frames that hold each sample OVERLAP times, also at both ends."""
    size = OVERLAP * hop
    missing = -len(wav_N) % hop
    padded_N = np.pad(wav_N.astype(np.float64), (size - hop, size - hop + missing))
    frame_TW = np.lib.stride_tricks.sliding_window_view(padded_N, size)[::hop]
    return np.fft.rfft(frame_TW * _window(hop), axis=1)


def _wave(spectrum_TG: NDArray[np.complex128], hop: int, samples: int) -> Floats:
    size = OVERLAP * hop
    frame_TW = np.fft.irfft(spectrum_TG, n=size, axis=1) * _window(hop) * (2 / OVERLAP)
    wav_N = np.zeros((len(frame_TW) - 1) * hop + size)
    for part in range(OVERLAP):
        piece_N = frame_TW[:, part * hop : (part + 1) * hop].ravel()
        wav_N[part * hop : part * hop + piece_N.size] += piece_N
    return wav_N[size - hop : size - hop + samples]
