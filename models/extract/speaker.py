"""The speaker encoder of the research system: frames [B, C, F] of the shared speech encoder become a voice [B, E].

Ge et al. 2020, arXiv:2005.04686, section II-B. Padding counts nowhere: not in the statistics of batch norms, not in
pooling, not in the mean, where the research code lets it into all of them.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.extract.masked import MaskedBatchNorm, real_frames
from models.extract.tcn import ChannelNorm

POOL = 3


class ResBlock(nn.Module):
    """Two layers and a shortcut, then the largest of three frames."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(inputs, outputs, 1, bias=False), nn.Conv1d(outputs, outputs, 1, bias=False)
        self.norms = nn.ModuleList([MaskedBatchNorm(outputs), MaskedBatchNorm(outputs)])
        self.acts = nn.ModuleList([nn.PReLU(), nn.PReLU()])
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv1d(inputs, outputs, 1, bias=False)

    def forward(self, x_BCF: Tensor, real_BF: Tensor) -> Tensor:
        y_BCF = self.acts[0](self.norms[0](self.first(x_BCF), real_BF))
        y_BCF = self.acts[1](self.norms[1](self.second(y_BCF), real_BF) + self.shortcut(x_BCF))
        # In two dimensions: torch.export freezes the length of what goes into max_pool1d.
        return F.max_pool2d(y_BCF[:, :, None], (1, POOL), (1, POOL))[:, :, 0]


class SpeakerEncoder(nn.Module):
    """Norm, a layer, residual blocks that shorten time, a layer, and the mean over time."""

    def __init__(self, inputs: int, channels: int, voice_size: int, blocks: int) -> None:
        super().__init__()
        self.input = nn.Sequential(ChannelNorm(inputs), nn.Conv1d(inputs, channels, 1))
        wide = blocks // 2
        widths = [channels] * (wide + 1) + [voice_size] * (blocks - wide)
        self.blocks = nn.ModuleList(ResBlock(*pair) for pair in pairwise(widths))
        self.output = nn.Conv1d(voice_size, voice_size, 1)
        self.shortest = POOL**blocks
        """Frames that make one at the end."""

    def forward(self, x_BCF: Tensor, count_B: Tensor) -> Tensor:
        """`count` frames of each row are real; there must be `shortest` in all, real or not."""
        real_BF = real_frames(count_B, x_BCF.shape[-1], x_BCF)
        x_BCF = self.input(x_BCF)
        for block in self.blocks:
            x_BCF = block(x_BCF, real_BF)
            count_B = torch.div(count_B, POOL, rounding_mode="floor").clamp_min(1)
            real_BF = real_frames(count_B, x_BCF.shape[-1], x_BCF)
        return (self.output(x_BCF) * real_BF[:, None]).sum(-1) / count_B[:, None]
