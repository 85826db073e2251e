"""The voice of a reference, for the causal network: frames of its own basis become one vector.

A reference is known as a whole, so this half looks both ways; only real frames count, in every layer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.extract.masked import mean_and_deviation

KERNEL = 5


class Block(nn.Module):
    """x + W2 act(W1 norm(depthwise(x))) with the filter centred on its frame."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        padding = dilation * (KERNEL - 1) // 2
        self.depthwise = nn.Conv1d(channels, channels, KERNEL, padding=padding, dilation=dilation, groups=channels)
        self.inner = nn.Sequential(
            nn.LayerNorm(channels), nn.Linear(channels, 2 * channels), nn.PReLU(), nn.Linear(2 * channels, channels)
        )

    def forward(self, x_BTC: Tensor, real_BT: Tensor) -> Tensor:
        near_BTC = self.depthwise((x_BTC * real_BT[..., None]).transpose(1, 2)).transpose(1, 2)
        return x_BTC + self.inner(near_BTC)


class Enrolment(nn.Module):
    """[B, T, features] -> voices [B, E] of unit variance."""

    def __init__(self, features: int, channels: int, blocks: int, voice_size: int) -> None:
        super().__init__()
        self.input = nn.Sequential(nn.LayerNorm(features, eps=1e-8), nn.Linear(features, channels))
        self.blocks = nn.ModuleList(Block(channels, 2**block) for block in range(blocks))
        self.weigh = nn.Linear(channels, 1)
        self.output = nn.Sequential(nn.Linear(2 * channels, voice_size), nn.LayerNorm(voice_size))

    def forward(self, feat_BTC: Tensor, real_BT: Tensor) -> Tensor:
        x_BTC = self.input(feat_BTC)
        for block in self.blocks:
            x_BTC = block(x_BTC, real_BT)
        # Frames of silence tell nothing of a voice: each has a weight, and padding has none.
        weight_BT = F.softplus(self.weigh(x_BTC)[..., 0]) * real_BT
        return self.output(mean_and_deviation(x_BTC, weight_BT + 1e-6 * real_BT))


def frames_of(samples_B: Tensor, hop: int) -> Tensor:
    """Frames that hold at least one sample of a reference; at least one."""
    return torch.div(samples_B + hop - 1, hop, rounding_mode="floor").clamp_min(1)
