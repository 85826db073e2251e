"""Simulated rooms: the direct sound, then noise that decays by 60 dB in the reverberation time.

Statistical model of late reverberation (Polack 1988), with a duller tail: air and walls take high frequencies first.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sonant.data.augment.noise import SLOPES, segments

# First reflections come back after about a metre of detour.
_FIRST_REFLECTION_S = 0.003
_TAIL_COLOUR = SLOPES.index(0.7)


def impulse_responses(
    rt60_s_R: Tensor, reverb_R: Tensor, start_R: Tensor, *, samples: int, sample_rate_hz: int
) -> Tensor:
    """(R, samples): energy 1 in all, `reverb` times as much in the tail as in the direct sound (the first sample)."""
    first = round(_FIRST_REFLECTION_S * sample_rate_hz)
    time_N = torch.arange(samples, device=start_R.device) / sample_rate_hz
    tail_RN = segments(torch.full_like(start_R, _TAIL_COLOUR), start_R, samples)
    # 60 dB are a factor of 1000 in amplitude.
    tail_RN = tail_RN * 10 ** (-3 * time_N / rt60_s_R[:, None])
    tail_RN[:, :first] = 0
    energy_R1 = tail_RN.square().sum(1, keepdim=True).clamp_min(torch.finfo(tail_RN.dtype).tiny)
    response_RN = tail_RN * (reverb_R[:, None] / energy_R1).sqrt()
    response_RN[:, 0] = 1
    return response_RN / (1 + reverb_R[:, None]).sqrt()


def convolve(wav_RN: Tensor, response_RM: Tensor) -> Tensor:
    """Each row with its own response; the first N samples of the result."""
    samples = wav_RN.shape[1]
    size = fast_size(samples + response_RM.shape[1] - 1)
    product_RF = torch.fft.rfft(wav_RN, size) * torch.fft.rfft(response_RM, size)
    return torch.fft.irfft(product_RF, size)[:, :samples]


def fast_size(least: int) -> int:
    """The next size with no prime factor above 5: up to 2.5 times faster than the next power of two."""
    size = least
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 1
