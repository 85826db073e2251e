"""Waves to frames at one or more scales and back: kernels of different lengths that share one hop and one frame count.

Ge et al. 2020, arXiv:2005.04686, section II-A.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ScaleEncoder(nn.Module):
    """[B, N] -> [B, C, F] a scale. The hop is half the shortest kernel; silence follows where kernels reach beyond."""

    def __init__(self, kernels: Sequence[int], channels: int) -> None:
        super().__init__()
        self.kernels, self.hop = tuple(kernels), kernels[0] // 2
        self.convs = nn.ModuleList(nn.Conv1d(1, channels, kernel, self.hop) for kernel in kernels)

    def frames(self, samples: int) -> int:
        """Frames of the shortest kernel that hold all samples."""
        # Nothing below zero is divided: graphs round such a quotient up.
        return (max(samples - self.kernels[0], 0) + self.hop - 1) // self.hop + 1

    def frames_of(self, samples_B: Tensor) -> Tensor:
        """The same, row by row."""
        hops_B = torch.div(samples_B - self.kernels[0] + self.hop - 1, self.hop, rounding_mode="floor")
        return hops_B.clamp_min(0) + 1

    def forward(self, wav_BN: Tensor, shortest: int = 1) -> list[Tensor]:
        """As many frames as hold the wave, or `shortest`, whichever is more."""
        padded_B1N = F.pad(wav_BN, (0, shortest * self.hop + self.kernels[-1]))[:, None]
        frames = max(self.frames(wav_BN.shape[-1]), shortest)
        return [
            torch.relu(conv(padded_B1N[..., : (frames - 1) * self.hop + kernel]))
            for kernel, conv in zip(self.kernels, self.convs, strict=True)
        ]


class ScaleDecoder(nn.Module):
    """[B, C, F] -> [B, N] at each of the scales, in full precision: chunks are summed afterwards."""

    def __init__(self, kernels: Sequence[int], channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.ConvTranspose1d(channels, 1, kernel, kernels[0] // 2) for kernel in kernels)

    def forward(self, scale: int, x_BCF: Tensor, samples: int) -> Tensor:
        return self.convs[scale](x_BCF)[:, 0, :samples].float()
