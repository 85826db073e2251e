"""Everything that is done to waves, in the order in which nature does it: speech, room, level, noise, microphone."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sonant.data.augment.draw import Draws
from sonant.data.augment.noise import add_noise, segments
from sonant.data.augment.room import convolve, impulse_responses
from sonant.data.augment.speed import change_speed

# Samples that a CPU works on at once, so that they stay in its cache.
_AT_ONCE = 1 << 17


def apply(wav_BN: Tensor, draws: Draws) -> Tensor:
    """Varied clips (B, N) of clips (B, N), float in [-1, 1], on their device; the input is left as it is."""
    if draws.speed_B is not None:
        wav_BN = _by_rows(change_speed, wav_BN, draws.speed_B)
    if draws.rooms_R.numel():
        wav_BN = _enter_rooms(wav_BN, draws)
    if draws.tilt_B is not None:
        wav_BN = _tilt(wav_BN, draws.tilt_B)
    per_clip = (draws.gain_B, draws.snr_db_B, draws.floor_B, draws.colour_B, draws.start_B)
    recorded = () if draws.noise_BN is None else (draws.noise_BN,)

    def level_and_noise(wav: Tensor, gain: Tensor, snr_db: Tensor, floor: Tensor, *noise: Tensor) -> Tensor:
        colour, start, *recording = noise
        faint = segments(colour, start, wav.shape[1])
        noise_BN = recording[0].to(wav.dtype) / 32768 if recording else faint
        wav = add_noise(wav * gain[:, None], noise_BN, snr_db, draws.sample_rate_hz) + floor[:, None] * faint
        # Too loud is turned down, not clipped: the ratio of signal and noise stays what was drawn.
        return wav / wav.abs().amax(1, keepdim=True).clamp_min(1.0)

    return _by_rows(level_and_noise, wav_BN, *per_clip, *recorded)


def _tilt(wav_BN: Tensor, tilt_B: Tensor) -> Tensor:
    """y[n] = (x[n] + a x[n-1]) / sqrt(1 + a^2): white noise keeps its power, the rest its level within a few dB."""
    before_BN = torch.nn.functional.pad(wav_BN, (1, 0))[:, :-1]
    return torch.addcmul(wav_BN, tilt_B[:, None], before_BN) * (1 + tilt_B.square()).rsqrt()[:, None]


def _enter_rooms(wav_BN: Tensor, draws: Draws) -> Tensor:
    def reverberate(wav: Tensor, rt60_s: Tensor, reverb: Tensor, start: Tensor) -> Tensor:
        shape = {"samples": draws.room_samples, "sample_rate_hz": draws.sample_rate_hz}
        return convolve(wav, impulse_responses(rt60_s, reverb, start, **shape))

    wet_RN = _by_rows(reverberate, wav_BN[draws.rooms_R], draws.rt60_s_R, draws.reverb_R, draws.room_start_R)
    return wav_BN.index_copy(0, draws.rooms_R, wet_RN)


def _by_rows(function: Callable[..., Tensor], *items: Tensor) -> Tensor:
    """`function` of tensors whose rows do not depend on each other; on a CPU, few at a time (5 times as fast)."""
    rows, samples = items[0].shape
    few = max(1, _AT_ONCE // samples)
    if items[0].device.type != "cpu" or rows <= few:
        return function(*items)
    return torch.cat([function(*part) for part in zip(*(item.split(few) for item in items), strict=True)])
