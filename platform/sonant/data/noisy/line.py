"""What a line does to sound: it loses high frequencies, is overdriven, or codes samples coarsely."""

from __future__ import annotations

import numpy as np
import torch

from sonant.audio.samples import Wav
from sonant.data.augment.room import fast_size

_EDGE = 0.1
"""The band's edge is this share of its limit wide."""
_PAD = 1024
_MU = 255.0
_STEPS = 127.0


def band_limited(wav_VN: Wav, limit_hz: float, rate_hz: int) -> Wav:
    """Waves (V, N) without what is above a frequency; the edge below it falls as a cosine, and no phase is shifted."""
    samples = wav_VN.shape[1]
    size = fast_size(samples + _PAD)
    frequency_F = torch.arange(size // 2 + 1) * (rate_hz / size)
    place_F = ((frequency_F - (1 - _EDGE) * limit_hz) / (_EDGE * limit_hz)).clamp(0, 1)
    wav_VF = torch.fft.rfft(torch.from_numpy(wav_VN), size) * (0.5 + 0.5 * torch.cos(torch.pi * place_F))
    return torch.fft.irfft(wav_VF, size)[:, :samples].numpy()


def overdriven(wav_N: Wav, cut_db: float) -> Wav:
    """A wave whose peaks are cut so far below the highest of them."""
    limit = np.float32(float(np.abs(wav_N).max()) * 10 ** (-cut_db / 20))
    return np.clip(wav_N, -limit, limit)


def mulaw(wav_N: Wav) -> Wav:
    """A wave of [-1, 1] after companding to 8 bits and back: 255 levels, which lie close where it is soft (ITU-T
    G.711's curve)."""
    level_N = np.log1p(_MU * np.abs(wav_N)) / np.float32(np.log1p(_MU))
    level_N = np.rint(level_N * _STEPS) / np.float32(_STEPS)
    return np.copysign(np.expm1(level_N * np.float32(np.log1p(_MU))) / np.float32(_MU), wav_N).astype(np.float32)
