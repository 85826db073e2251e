"""Speed: resampling about the middle of the clip, each item by its own factor."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def change_speed(wav_BN: Tensor, speed_B: Tensor) -> Tensor:
    """Plays each item `speed` times as fast; its middle stays, zeros fill what is missing at the ends.

    Catmull-Rom interpolation (Keys 1981, a = -1/2): 0.1 dB down at an eighth of the sample rate, 1.1 dB at a quarter.
    """
    samples = wav_BN.shape[1]
    middle = (samples - 1) / 2
    offset_N = torch.arange(samples, device=wav_BN.device) - middle
    # Two zeros at each end stand for everything outside.
    position_BN = (torch.outer(speed_B, offset_N) + middle).clamp(-1, samples) + 2
    before_BN = position_BN.floor()
    t = position_BN - before_BN
    first_BN = before_BN.to(torch.int64) - 1
    padded_BN = F.pad(wav_BN, (2, 3))
    a, b, c, d = (padded_BN[:, k : samples + 2 + k].gather(1, first_BN) for k in range(4))
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
