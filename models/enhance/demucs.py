"""Demucs for speech, live and for whole recordings, from the papers alone.

Defossez et al. 2020, arXiv:2006.12847, section 2.1, after Defossez et al. 2019, arXiv:1911.13254. Frames are compared
with kernels as matrix products, and streams are exact: what was an approximation at the edges of a frame is waited for.
With the defaults (16 kHz, four times the rate) an encoder frame hears 597 samples and a hop is 256; the sincs on the
way up look 84 samples ahead and those on the way down 83, so a sample waits at most 764 (47.8 ms): hop 256 and latency
508. Half of all sinc taps (`zero_crossings: 28`) are 42.5 ms, and without `look_ahead` it is 26.4 ms.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from models.blocks.recurrent import LiveLstm, Lstm
from models.blocks.strided import Down, Up
from models.enhance.base import Enhancer
from models.enhance.ladder import Geometry, Ladder, LadderConfig, body, enhancer, rescale, rungs
from models.streaming import Chain


class DemucsConfig(LadderConfig):
    """Demucs: convolutions with gates, two LSTM layers between them, at up to four times the rate of the wave."""

    kind: Literal["demucs"] = "demucs"
    resample: Literal[1, 2, 4] = 4
    """Samples of the encoder for each of the wave."""
    zero_crossings: Annotated[int, Field(ge=1, le=128)] = 56
    """Reach of the sinc filters on each side in samples; half as many wait half as long and alias more."""
    lstm_layers: Annotated[int, Field(ge=1, le=8)] = 2
    """Recurrent layers."""
    causal: bool = True
    """Recurrent layers that look back only, and so a live form; otherwise both ways and a linear layer."""

    def rate(self) -> int:
        return self.resample


def build(config: DemucsConfig) -> Enhancer:
    """The whole network, with fresh weights: a LiveEnhancer if it is causal."""
    sizes = rungs(config.widths)
    geometry = Geometry(config.kernel, config.stride, config.depth, config.look_ahead)
    ladder = Ladder(
        [_encoder(config, narrow, wide) for narrow, wide in sizes],
        _middle(config),
        [_decoder(config, narrow, wide) for narrow, wide in reversed(sizes)],
        config.widths,
        geometry,
    )
    inner = body(ladder, geometry, config.resample, config.zero_crossings)
    return enhancer(config, inner, live=config.causal)


def _encoder(config: DemucsConfig, narrow: int, wide: int) -> Chain:
    down = Down(narrow, wide, config.kernel, config.stride)
    rescale(down.linear.weight, down.linear.bias, config.rescale)
    return Chain(down, nn.ReLU(), _mix(config, wide), nn.GLU(-1))


def _decoder(config: DemucsConfig, narrow: int, wide: int) -> Chain:
    up = Up(wide, narrow, config.kernel, config.stride)
    rescale(up.linear.weight, up.bias, config.rescale)
    last = narrow == 1
    return Chain(_mix(config, wide), nn.GLU(-1), up, nn.Identity() if last else nn.ReLU())


def _mix(config: DemucsConfig, channels: int) -> nn.Linear:
    linear = nn.Linear(channels, 2 * channels)
    rescale(linear.weight, linear.bias, config.rescale)
    return linear


def _middle(config: DemucsConfig) -> Chain:
    width, layers = config.widths[-1], range(config.lstm_layers)
    if config.causal:
        return Chain(*(LiveLstm(width, width) for _ in layers))
    ways = (Lstm(width if layer == 0 else 2 * width, width, both_ways=True) for layer in layers)
    return Chain(*ways, nn.Linear(2 * width, width))
