"""Waves of any length as one tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def padded(waves: Sequence[NDArray[np.float32]], length: int) -> Tensor:
    """(B, length), zeros behind each wave."""
    wav_BN = np.zeros((len(waves), length), np.float32)
    for row_N, wav_N in zip(wav_BN, waves, strict=True):
        row_N[: wav_N.size] = wav_N
    return torch.from_numpy(wav_BN)
