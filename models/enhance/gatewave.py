"""GateWave: an encoder and decoder of gated convolutions with a GRU between them; no paper.

What was known of it as a published network, layer by layer, stays: two convolutions a block, one the gate of the other
(here one product of twice the width, with the same weights), the sum with the encoder in front of each decoder block,
no resampling. With `hidden: 48` blocks count 960, 74 112, 295 680, 1 181 184 and 4 721 664 weights down, 4 720 128,
1 180 416, 295 296 and 73 920 up. Different are
- the last block, 770 instead of 772: a batch norm stood behind it, which knows no sign. Networks learned their output
  upside down, which a loss on magnitudes does not see and which cannot be mixed with anything;
- the causal form: its GRU looks back only and has no linear layer behind it, and blocks are divided by their running
  level instead of a batch norm, which knows how a batch of chunks was cut. Gain and offset count the same;
- the loss is not a part of the network; use one that sees signs (si_sdr, or l1 beside magnitudes).
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator
from torch import Tensor, nn

from models.blocks.level import LevelNorm
from models.blocks.recurrent import Gru, LiveGru
from models.blocks.strided import Down, Up
from models.enhance.base import Enhancer
from models.enhance.ladder import Geometry, Ladder, LadderConfig, body, enhancer, rescale, rungs
from models.streaming import Chain


class GateWaveConfig(LadderConfig):
    """GateWave: gated convolutions around one GRU layer."""

    kind: Literal["gatewave"] = "gatewave"
    causal: bool = False
    """A GRU that looks back only and norms by the past, and so a live form; otherwise both ways and batch norms."""

    @model_validator(mode="after")
    def _waits_for_all(self) -> Self:
        if not (self.causal or self.look_ahead):
            raise ValueError("look_ahead=false is for live networks: set causal=true")
        return self


class FrameBatchNorm(nn.BatchNorm1d):
    """Batch norm of [B, T, C] over rows and frames."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.transpose(1, 2)).transpose(1, 2)


def build(config: GateWaveConfig) -> Enhancer:
    """The whole network, with fresh weights: a LiveEnhancer if it is causal."""
    sizes = rungs(config.widths)
    geometry = Geometry(config.kernel, config.stride, config.depth, config.look_ahead)
    ladder = Ladder(
        [_encoder(config, geometry, level, narrow, wide) for level, (narrow, wide) in enumerate(sizes, 1)],
        _middle(config),
        [_decoder(config, geometry, level, *sizes[level]) for level in reversed(range(config.depth))],
        config.widths,
        geometry,
    )
    return enhancer(config, body(ladder, geometry), live=config.causal)


def _encoder(config: GateWaveConfig, geometry: Geometry, level: int, narrow: int, wide: int) -> Chain:
    down = Down(narrow, 2 * wide, config.kernel, config.stride)
    nn.init.kaiming_normal_(down.linear.weight, nonlinearity="relu")
    rescale(down.linear.weight, down.linear.bias, config.rescale)
    return Chain(down, nn.GLU(-1), _norm(config, geometry, level, wide))


def _decoder(config: GateWaveConfig, geometry: Geometry, level: int, narrow: int, wide: int) -> Chain:
    up = Up(wide, 2 * narrow, config.kernel, config.stride)
    nn.init.normal_(up.linear.weight, std=(2 / (config.kernel * narrow)) ** 0.5)
    rescale(up.linear.weight, up.bias, config.rescale)
    return Chain(up, nn.GLU(-1), nn.Identity() if level == 0 else _norm(config, geometry, level, narrow))


def _norm(config: GateWaveConfig, geometry: Geometry, level: int, channels: int) -> nn.Module:
    if not config.causal:
        return FrameBatchNorm(channels)
    hops = config.samples(config.level_ms) / geometry.hop
    return LevelNorm(channels, geometry.frames(level), hops)


def _middle(config: GateWaveConfig) -> Chain:
    width = config.widths[-1]
    if config.causal:
        return Chain(LiveGru(width, width))
    return Chain(Gru(width, width, both_ways=True), nn.Linear(2 * width, width))
