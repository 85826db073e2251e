"""The dilated convolutions of the research system, on chunks [B, C, F]; they carry nothing on to the next chunk.

Conv-TasNet's block (Luo and Mesgarani 2019, arXiv:1809.07454, figure 1 C) with, if wanted, a further layer H -> H
behind the depthwise one. The first block of a stack also sees the voice (Ge et al. 2020, arXiv:2005.04686).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from models.blocks.conv import TimeConv

KERNEL = 3
ChunkNorm = Literal["global", "channel"]


@dataclass(frozen=True)
class BlockShape:
    """What all blocks of a network have in common."""

    hidden: int
    voice_size: int
    norm: ChunkNorm
    causal: bool
    extra_pointwise: bool


class GlobalNorm(nn.GroupNorm):
    """Layer norm over all channels and frames of a chunk. Its gains begin at one, not at random as in the research
    system, where half the channels start turned around or near zero."""

    def __init__(self, channels: int) -> None:
        super().__init__(1, channels, eps=1e-6)


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each frame of [B, C, F]."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.transpose(1, 2)).transpose(1, 2)


NORMS: dict[ChunkNorm, type[GlobalNorm | ChannelNorm]] = {"global": GlobalNorm, "channel": ChannelNorm}


class Block(nn.Module):
    """[B, inputs, F] -> [B, outputs, F], added to the input or to a linear map of it."""

    def __init__(self, inputs: int, outputs: int, dilation: int, shape: BlockShape, *, voice: bool = False) -> None:
        super().__init__()
        hidden = shape.hidden
        self.widen = nn.Conv1d(inputs, hidden, 1)
        # The voice is the same at every frame: a product with it is what joining it to each frame would give.
        self.voice = nn.Linear(shape.voice_size, hidden, bias=False) if voice else None
        self.act, norm = nn.PReLU(), NORMS[shape.norm]
        depthwise = nn.Conv1d(hidden, hidden, KERNEL, dilation=dilation, groups=hidden)
        self.inner = nn.Sequential(
            norm(hidden),
            TimeConv(depthwise, causal=shape.causal),
            *([nn.Conv1d(hidden, hidden, 1)] if shape.extra_pointwise else []),
            nn.PReLU(),
            norm(hidden),
            nn.Conv1d(hidden, outputs, 1),
        )
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv1d(inputs, outputs, 1)

    def forward(self, x_BCF: Tensor, voice_BE: Tensor | None = None, nudge_BC1: Tensor | None = None) -> Tensor:
        """`nudge` is added in front of the first layer, and not to what goes past the block."""
        wide_BHF = self.widen(x_BCF if nudge_BC1 is None else x_BCF + nudge_BC1)
        if self.voice is not None:
            assert voice_BE is not None, "this block takes a voice"
            wide_BHF = wide_BHF + self.voice(voice_BE)[..., None]
        return self.shortcut(x_BCF) + self.inner(self.act(wide_BHF))


class Stack(nn.Module):
    """Blocks with dilations 1, 2, 4 ...; only the first takes the voice, and may be given further channels."""

    def __init__(self, inputs: int, channels: int, blocks: int, shape: BlockShape) -> None:
        super().__init__()
        first = Block(inputs, channels, 1, shape, voice=True)
        self.blocks = nn.ModuleList([first, *(Block(channels, channels, 2**x, shape) for x in range(1, blocks))])

    def forward(self, x_BCF: Tensor, voice_BE: Tensor, nudge_BC1: Tensor | None) -> list[Tensor]:
        """What each of the blocks gives."""
        outputs: list[Tensor] = []
        for block in self.blocks:
            x_BCF = block(x_BCF, None if outputs else voice_BE, nudge_BC1)
            outputs.append(x_BCF)
        return outputs
