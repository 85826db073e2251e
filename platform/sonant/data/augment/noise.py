"""Noise on clips: coloured, from a bank that is made once, or from recordings; at an exact signal-to-noise ratio."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from sonant.data.colour import coloured
from sonant.data.rng import Purpose, rng

SLOPES = (-0.5, 0.0, 0.3, 0.7, 1.0, 1.3, 1.7, 2.0)
# Half a minute of each colour at 16 kHz; a clip's noise begins anywhere in it.
BANK_SAMPLES = 1 << 19

_FRAME_S = 0.02
# Frames that are this far under the loudest one (30 dB) count as pauses.
_ACTIVE = 1e-3


def segments(colour_B: Tensor, start_B: Tensor, samples: int) -> Tensor:
    """Coloured noise (B, N) with an RMS of about 1, read from the bank on the device of the indices."""
    return _bank(colour_B.device, samples).unfold(1, samples, 1)[colour_B, start_B]


@lru_cache(maxsize=4)
def _bank(device: torch.device, samples: int) -> Tensor:
    """(colours, BANK_SAMPLES + N): each row goes round, so that every start has N samples behind it."""
    rows = [coloured(rng(Purpose.NOISE, number), BANK_SAMPLES, slope) for number, slope in enumerate(SLOPES)]
    bank_CN = torch.stack([torch.from_numpy(row) for row in rows]).to(device)
    rounds = samples // BANK_SAMPLES + 2
    return bank_CN.repeat(1, rounds)[:, : BANK_SAMPLES + samples].contiguous()


def add_noise(wav_BN: Tensor, noise_BN: Tensor, snr_db_B: Tensor, sample_rate_hz: int) -> Tensor:
    """`wav` + `noise` scaled so that the power of the active parts of `wav` is `snr_db` over that of the noise.

    Clips without any sound, and infinite ratios, get no noise.
    """
    ratio_B = 10 ** (-snr_db_B / 10)
    power_B = noise_BN.square().mean(1)
    wanted_B = active_power(wav_BN, sample_rate_hz) * ratio_B
    gain_B = torch.where(power_B > 0, wanted_B / power_B.clamp_min(torch.finfo(power_B.dtype).tiny), 0.0).sqrt()
    return wav_BN + gain_B[:, None] * noise_BN


def active_power(wav_BN: Tensor, sample_rate_hz: int) -> Tensor:
    """Mean power (B) of the 20 ms frames that are less than 30 dB under the loudest one."""
    frame = min(round(_FRAME_S * sample_rate_hz), wav_BN.shape[1])
    frames = wav_BN.shape[1] // frame
    power_BF = wav_BN[:, : frames * frame].unflatten(1, (frames, frame)).square().mean(2)
    active_BF = power_BF >= _ACTIVE * power_BF.amax(1, keepdim=True)
    return (power_BF * active_BF).sum(1) / active_BF.sum(1)
