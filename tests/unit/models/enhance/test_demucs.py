from typing import Any

import pytest
import torch

from models.enhance.base import Enhancer, LiveEnhancer
from models.enhance.demucs import DemucsConfig, build
from models.enhance.ladder import Ladder
from sonant.measure import params


def on_paper(**settings: Any) -> Enhancer:
    """The network without its weights' values."""
    with torch.device("meta"):
        return build(DemucsConfig(**settings))


def ladder(model: Enhancer) -> Ladder:
    (found,) = (part for part in model.modules() if isinstance(part, Ladder))
    return found


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({}, 18_867_937),
        ({"hidden": 64}, 33_533_569),
        ({"causal": False}, 34_216_417),
        ({"hidden": 64, "causal": False}, 60_813_953),
    ],
)
def test_published_sizes(settings: dict[str, Any], count: int) -> None:
    assert params.of_model(on_paper(**settings)) == count


def test_published_sizes_of_each_layer() -> None:
    parts = ladder(on_paper())
    assert [params.of_model(part) for part in parts.encoders] == [5_136, 55_584, 221_760, 885_888, 3_541_248]
    assert [params.of_model(part) for part in parts.decoders] == [3_540_864, 885_696, 221_664, 55_536, 5_089]
    assert params.of_model(parts.middle) == 9_449_472


@pytest.mark.parametrize(("resample", "hop"), [(4, 256), (2, 512), (1, 1024)])
def test_hops(resample: int, hop: int) -> None:
    model = on_paper(resample=resample)
    assert isinstance(model, LiveEnhancer)
    assert model.hop == hop


def test_only_the_causal_form_streams() -> None:
    assert isinstance(on_paper(), LiveEnhancer)
    assert not isinstance(on_paper(causal=False), LiveEnhancer)


def test_convolutions_start_near_the_wanted_deviation() -> None:
    """All of them, so that no level is lost at the start: without it the last has 0.009."""
    torch.manual_seed(0)
    parts = ladder(build(DemucsConfig(hidden=16)))
    layers = [value for name, value in parts.named_parameters() if value.ndim == 2 and "middle" not in name]
    assert len(layers) == 20
    assert all(0.03 < layer.std().item() < 0.25 for layer in layers)


def test_the_whole_recording_matters_both_ways() -> None:
    torch.manual_seed(0)
    wav_BN = torch.randn(1, 4000)
    changed_BN = torch.cat([wav_BN[:, :3000], -wav_BN[:, 3000:]], 1)  # the level stays
    for causal in (False, True):
        model = build(DemucsConfig(hidden=4, causal=causal)).eval()
        before_BN, after_BN = model(wav_BN)[:, :2000], model(changed_BN)[:, :2000]
        assert torch.equal(before_BN, after_BN) == causal
