import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from models.blocks.delay import Delay
from models.enhance.demucs import DemucsConfig
from models.enhance.ladder import Geometry, Ladder, body, rescale
from models.streaming import Chain


@pytest.mark.parametrize(("rate", "window"), [(4, 597), (2, 1194), (1, 2388)])
def test_windows_of_five_levels(rate: int, window: int) -> None:
    geometry = Geometry(kernel=8, stride=4, depth=5, look_ahead=True)
    assert geometry.window / rate == window
    assert geometry.hop == 1024
    assert [geometry.delay(level) for level in range(6)] == [1364, 340, 84, 20, 4, 0]
    assert [geometry.frames(level) for level in range(6)] == [1024, 256, 64, 16, 4, 1]
    assert geometry.delay(0) == geometry.window - geometry.hop
    assert geometry._replace(look_ahead=False).delay(0) == 0


class Late(Ladder):
    """A ladder that only waits."""

    def __init__(self, samples: int) -> None:
        super().__init__([], Chain(Delay(samples, 1)), [], [1], Geometry(8, 4, 0, look_ahead=True))


@pytest.mark.parametrize("rate", [1, 2, 4])
@pytest.mark.parametrize("zeros", [56, 7])
@pytest.mark.parametrize("look_ahead", [True, False])
def test_the_stated_latency_is_that_of_the_resamplers_and_the_ladder(rate: int, zeros: int, look_ahead: bool) -> None:
    geometry = Geometry(8, 4, 3, look_ahead)
    inner = body(Late(geometry.delay(0)), geometry, rate, zeros)  # pyright: ignore[reportArgumentType]
    wav_BN = torch.sin(2 * math.pi * 0.02 * torch.arange(1600))[None]
    late_BN, _ = inner.chain.step(wav_BN, inner.chain.init_state(1))
    assert inner.hop == 64 // rate
    aligned_BN = late_BN[:, inner.latency :]
    inside = slice(400, 1000)
    assert (aligned_BN[:, inside] - wav_BN[:, inside]).abs().max() < 0.01


@pytest.mark.parametrize(
    ("settings", "latency"), [({}, 508), ({"zero_crossings": 28}, 424), ({"look_ahead": False}, 167)]
)
def test_latency_of_published_sizes(settings: dict[str, Any], latency: int) -> None:
    config = DemucsConfig(hidden=1, **settings)
    geometry = Geometry(config.kernel, config.stride, config.depth, config.look_ahead)
    inner = body(Late(0), geometry, config.resample, config.zero_crossings)
    assert (inner.hop, inner.latency) == (256, latency)


def test_each_level_meets_what_the_encoder_had_there() -> None:
    """Encoders that take every second frame and decoders that repeat: sums of the same times."""

    class Half(nn.Module):
        def forward(self, x_BTC: Tensor) -> Tensor:
            return x_BTC[:, ::2]

    class Twice(nn.Module):
        def forward(self, x_BTC: Tensor) -> Tensor:
            return x_BTC.repeat_interleave(2, 1)

    geometry = Geometry(4, 2, 2, look_ahead=False)
    ladder = Ladder([Chain(Half()), Chain(Half())], Chain(), [Chain(Twice()), Chain(Twice())], [1, 1, 1], geometry)
    # Level 2: 0, 4; doubled with itself; level 1: 0, 2, 4, 6.
    assert ladder(torch.arange(8.0)[None])[0].tolist() == [0, 0, 2, 2, 12, 12, 14, 14]


def test_rescale_takes_the_root_of_what_is_too_much() -> None:
    weight, bias = 0.4 * torch.randn(1000), torch.ones(3)
    rescale(weight, bias, 0.1)
    assert weight.std() == pytest.approx(0.2, rel=0.1)
    assert bias.tolist() == pytest.approx([0.5] * 3, rel=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernel": 6}, "kernel=6 must be two or more times stride=4"),
        ({"kernel": 4}, "kernel=4 must be two or more times stride=4"),
        ({"stride": 1, "kernel": 3}, "no whole one"),
        ({"resample": 3}, "1, 2 or 4"),
    ],
)
def test_wrong_configs_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DemucsConfig.model_validate(settings)
