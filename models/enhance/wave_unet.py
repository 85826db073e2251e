"""Wave-U-Net for speech: Stoller et al. 2018, arXiv:1806.03185; to take out noise Macartney and Weyde 2018.

Each level filters, keeps what it has for the way back, and drops every second sample; on the way back samples are
doubled by linear interpolation. The defaults are the widths of a published denoiser that sums on the way back. Of all
weights that took part in its output, 1 962 195, two are missing here. Different are
- the last layer, behind which stood a batch norm and a leaky ReLU, which left a tenth of all that was below zero;
- a convolution at the bottom of 221 M weights that was never called. Here it is `bottom`, of the network's own width;
- the interpolation: samples that were there stay where they are, whatever the length. It drifted by half a sample;
- the length: any, where it had to be a multiple of 32.
The original has `growth: add`, `skip: concat` and `bottom: true` with 12 levels; its last layer sees the input, too.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from models.enhance.base import Enhancer, EnhancerConfig
from models.enhance.waves import FLOOR, clip_level


class WaveUnetConfig(EnhancerConfig):
    """Wave-U-Net: filters, half the samples, filters, half the samples, and back."""

    streams: ClassVar[bool] = False

    kind: Literal["wave_unet"] = "wave_unet"
    hidden: Annotated[int, Field(ge=1, le=1024)] = 24
    """Channels of the first level."""
    depth: Annotated[int, Field(ge=1, le=14)] = 5
    """Levels."""
    growth: Literal["double", "add"] = "double"
    """Channels of a level: twice those of the level before, or `hidden` more."""
    skip: Literal["add", "concat"] = "add"
    """What meets on the way back is summed, or stands side by side."""
    bottom: bool = False
    """One more filter at the bottom, as wide as the last level."""
    down_kernel: Annotated[int, Field(ge=1, le=63)] = 15
    """Taps of the filters on the way down, an odd number."""
    up_kernel: Annotated[int, Field(ge=1, le=63)] = 5
    """Taps of the filters on the way back, an odd number."""
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Slope of the leaky ReLUs below zero."""

    @property
    def widths(self) -> list[int]:
        """Channels of each level."""
        return [self.hidden * (2**level if self.growth == "double" else level + 1) for level in range(self.depth)]

    @model_validator(mode="after")
    def _kernels_have_a_middle(self) -> Self:
        for name in ("down_kernel", "up_kernel"):
            if getattr(self, name) % 2 == 0:
                raise ValueError(f"{name}={getattr(self, name)} must be odd")
        return self


class WaveUnet(Enhancer):
    """Filters down, filters up, and an output that nothing bends."""

    def __init__(self, config: WaveUnetConfig) -> None:
        super().__init__()
        self.sample_rate_hz = config.sample_rate_hz
        widths, last = config.widths, config.widths[-1]
        self.joined = config.skip == "concat"
        self.down = nn.ModuleList(
            _filter(config, narrow, wide, config.down_kernel)
            for narrow, wide in zip([1, *widths[:-1]], widths, strict=True)
        )
        self.bottom = _filter(config, last, last, config.down_kernel) if config.bottom else nn.Identity()
        # Where things stand side by side, a level keeps its width and one more layer makes the wave of the first.
        outputs = widths if self.joined else [1, *widths[:-1]]
        inputs = (
            [wide + skip for wide, skip in zip([*widths[1:], last], widths, strict=True)] if self.joined else widths
        )
        levels = [_filter(config, wide, out, config.up_kernel) for wide, out in zip(inputs, outputs, strict=True)]
        if not self.joined:
            levels[0] = nn.Conv1d(widths[0], 1, config.up_kernel, padding="same")
        self.up = nn.ModuleList(reversed(levels))
        self.output = nn.Conv1d(widths[0] + 1, 1, 1) if self.joined else None

    def forward(self, wav_BN: Tensor) -> Tensor:
        samples, fold = wav_BN.shape[1], 2 ** len(self.down)
        # Two at least at the bottom: batch norms want more than one value to train on.
        frames = (samples + fold - 1) // fold + 1
        level_B1 = clip_level(wav_BN)
        padded_BN = F.pad(wav_BN / (level_B1 + FLOOR), (0, 2 * fold - 1))[:, : frames * fold]
        y_BN = self._wave(padded_BN[:, None])[:, 0]
        return level_B1 * y_BN[:, :samples]

    def _wave(self, wav_B1N: Tensor) -> Tensor:
        x_BCT, skips = wav_B1N, list[Tensor]()
        for down in self.down:
            skips.append(down(x_BCT))
            x_BCT = skips[-1][..., ::2]
        x_BCT = self.bottom(x_BCT)
        for up in self.up:
            x_BCT, skip_BCT = double(x_BCT), skips.pop()
            x_BCT = up(torch.cat([x_BCT, skip_BCT], 1) if self.joined else x_BCT + skip_BCT)
        return x_BCT if self.output is None else self.output(torch.cat([x_BCT, wav_B1N], 1))


def double(x_BCT: Tensor) -> Tensor:
    """[B, C, T] -> [B, C, 2 T]: every sample where it was, and the mean of each and the next between them."""
    next_BCT = torch.cat([x_BCT[..., 1:], x_BCT[..., -1:]], -1)
    return torch.stack([x_BCT, 0.5 * (x_BCT + next_BCT)], -1).flatten(-2)


def _filter(config: WaveUnetConfig, inputs: int, outputs: int, kernel: int) -> nn.Module:
    conv = nn.Conv1d(inputs, outputs, kernel, padding="same")
    return nn.Sequential(conv, nn.BatchNorm1d(outputs), nn.LeakyReLU(config.slope))


def build(config: WaveUnetConfig) -> WaveUnet:
    """The whole network, with fresh weights."""
    return WaveUnet(config)
