"""A convolutional encoder and decoder with a recurrent layer between them, as a stream.

Each level down the encoder holds fewer frames; each level up the decoder adds what the encoder had there. Nothing is
computed twice: a step computes the new frames of every level, which is what the same part of a whole recording costs.
With `look_ahead` the answer waits until every frame that its convolutions reach has come, so what the encoder had is
kept until then; without, each level takes the newest.

The wave may be at twice or four times its rate within (Defossez et al. 2020, arXiv:2006.12847, section 2.1). Shapes: B
streams, N samples, T frames, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from models.blocks.causal import FromStep
from models.blocks.delay import Delay
from models.blocks.sinc import Downsample2, Upsample2
from models.enhance.base import Enhancer, EnhancerConfig
from models.enhance.waves import Body, ClipWaves, LiveWaves
from models.streaming import Chain, State, advance, child, nest


class LadderConfig(EnhancerConfig):
    """What networks with an encoder and a decoder have in common."""

    hidden: Annotated[int, Field(ge=1, le=1024)] = 48
    """Channels of the first level."""
    depth: Annotated[int, Field(ge=1, le=8)] = 5
    """Levels."""
    kernel: Annotated[int, Field(ge=2, le=64)] = 8
    """Taps of the convolutions, a multiple of `stride` and more than it."""
    stride: Annotated[int, Field(ge=1, le=16)] = 4
    """Frames of a level that become one of the next."""
    growth: Annotated[float, Field(ge=1, le=4)] = 2.0
    """Channels of a level by those of the level before."""
    look_ahead: bool = True
    """Whether the answer waits for all frames that its convolutions reach. Live: without it sooner, and less sure."""
    level_ms: Annotated[float, Field(ge=1, le=1e7)] = 30_000.0
    """Time constant in ms of the running level that live networks divide by (until then it is that of all there was);
    others divide by the level of the recording."""
    rescale: Annotated[float, Field(gt=0, le=10)] = 0.1
    """Convolutions start with the square root of their usual standard deviation times this one; Defossez et al. 2019,
    arXiv:1911.13254, section 4.3."""

    @property
    def widths(self) -> list[int]:
        """Channels of the wave and of each level."""
        return [1, *(round(self.hidden * self.growth**level) for level in range(self.depth))]

    def rate(self) -> int:
        """Samples of the encoder by those of the wave."""
        return 1

    @model_validator(mode="after")
    def _levels_fit(self) -> Self:
        if self.kernel % self.stride or self.kernel == self.stride:
            raise ValueError(f"kernel={self.kernel} must be two or more times stride={self.stride}")
        if self.stride**self.depth % self.rate():
            raise ValueError(
                f"a hop of {self.stride**self.depth} samples at {self.rate()} times the rate is no whole one"
            )
        return self


class Geometry(NamedTuple):
    """Levels as times. All in frames of the level, or samples of its wave, at the rate of the encoder."""

    kernel: int
    stride: int
    depth: int
    look_ahead: bool

    @property
    def hop(self) -> int:
        """Samples that become one frame of the last level."""
        return self.stride**self.depth

    @property
    def window(self) -> int:
        """Samples that one frame of the last level hears."""
        samples = 1
        for _ in range(self.depth):
            samples = (samples - 1) * self.stride + self.kernel
        return samples

    def delay(self, level: int) -> int:
        """Frames of a level, 0 for the wave, that the decoder stands behind the encoder there."""
        if level == self.depth or not self.look_ahead:
            return 0
        return self.delay(level + 1) * self.stride + self.kernel - self.stride

    def frames(self, level: int) -> int:
        """Frames of a level in a hop."""
        return self.stride ** (self.depth - level)


class Ladder(FromStep):
    """[B, N] -> [B, N]: `encoders` down, the `middle`, `decoders` up, each behind the sum with what was there."""

    def __init__(
        self,
        encoders: Sequence[Chain],
        middle: Chain,
        decoders: Sequence[Chain],
        widths: Sequence[int],
        geometry: Geometry,
    ) -> None:
        super().__init__()
        self.encoders, self.middle, self.decoders = nn.ModuleList(encoders), middle, nn.ModuleList(decoders)
        self.delays = nn.ModuleList(Delay(geometry.delay(level), width) for level, width in enumerate(widths) if level)

    def init_state(self, rows: int) -> State:
        state = nest("middle", self.middle.init_state(rows))
        for name, part in self._parts():
            state |= nest(name, part.init_state(rows))
        return state

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        after: State = {}

        def through(name: str, part: nn.Module, x_BTC: Tensor) -> Tensor:
            y_BTC, inner = advance(part, x_BTC, child(name, state))
            after.update(nest(name, inner))
            return y_BTC

        x, skips = x[..., None], list[Tensor]()
        for level, (encoder, delay) in enumerate(zip(self.encoders, self.delays, strict=True)):
            x = through(f"encoders.{level}", encoder, x)
            skips.append(through(f"delays.{level}", delay, x))
        x = through("middle", self.middle, x)
        for place, decoder in enumerate(self.decoders):
            x = through(f"decoders.{place}", decoder, x + skips.pop())
        return x[..., 0], after

    def _parts(self) -> list[tuple[str, Chain | Delay]]:
        groups = {"encoders": self.encoders, "delays": self.delays, "decoders": self.decoders}
        return [
            (f"{name}.{place}", part)
            for name, group in groups.items()
            for place, part in enumerate(group)
            if isinstance(part, Chain | Delay)
        ]


def body(ladder: Ladder, geometry: Geometry, rate: Literal[1, 2, 4] = 1, zeros: int = 1) -> Body:
    """A ladder at `rate` times the rate of the wave, by sincs with `zeros` zero crossings, and what all of it takes."""
    doublings = rate.bit_length() - 1
    late = 2 * zeros * (rate - 1) + geometry.delay(0)
    down: list[Downsample2] = []
    for _ in range(doublings):
        odd = late % 2 == 1
        down.append(Downsample2(zeros, odd=odd))
        late = (late + odd) // 2 + zeros - 1
    up = [Upsample2(zeros) for _ in range(doublings)]
    return Body(Chain(*up, ladder, *down), geometry.hop // rate, late)


def enhancer(config: LadderConfig, inner: Body, *, live: bool) -> Enhancer:
    """The network around a body."""
    if live:
        return LiveWaves(inner, config.sample_rate_hz, config.level_ms)
    return ClipWaves(inner, config.sample_rate_hz)


def rungs(widths: Sequence[int]) -> list[tuple[int, int]]:
    """The channels on both sides of each level, the wave first."""
    return list(pairwise(widths))


def rescale(weight: Tensor, bias: Tensor, wanted: float) -> None:
    """Divides both by the square root of how much the weights' deviation is more than `wanted`."""
    with torch.no_grad():
        factor = (wanted / weight.std()).sqrt()
        weight.mul_(factor)
        bias.mul_(factor)
