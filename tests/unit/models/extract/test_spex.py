from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from models.extract.segmented import Segmented
from models.extract.spex import Spex, build
from models.extract.spexplus import SpexPlusConfig
from models.extract.spexplus_short import SpexPlusShortConfig
from models.extract.tcn import GlobalNorm

BASE = {"speakers": 256}
SMALL = {"speakers": 256, "channels": 192, "hidden": 384, "voice_size": 75}
# specs/separation.md, table 2.5: measured on the original networks.
COUNTS = [
    ({"kind": "none"}, {"kind": "none"}, 13_385_979, 7_563_326),
    ({"kind": "rnn"}, {"kind": "rnn"}, 13_648_379, 7_710_974),
    ({"kind": "gru", "version": 0}, {"kind": "gru", "version": 0, "size": 96}, 14_079_869, 7_954_720),
    ({"kind": "gru", "version": 1}, {"kind": "gru", "version": 1, "size": 96}, 15_063_677, 8_508_256),
    ({"kind": "gru", "version": 2}, {"kind": "gru", "version": 2, "size": 96}, 14_342_269, 8_102_368),
    ({"kind": "gru", "version": 3}, {"kind": "gru", "version": 3, "size": 96}, 14_080_829, 7_955_680),
    ({"kind": "cache"}, {"kind": "cache", "size": 96}, 14_042_363, 7_932_734),
    ({"kind": "cache", "size": 256}, {"kind": "cache", "size": 192}, 14_435_579, 8_153_918),
    ({"kind": "special_channels"}, {"kind": "special_channels"}, 14_960_379, 8_744_510),
    ({"kind": "special_channels", "size": 128}, {"kind": "special_channels", "size": 96}, 16_534_779, 9_335_102),
]


def count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def short(**settings: Any) -> nn.Module:
    with torch.device("meta"):
        return build(SpexPlusShortConfig.model_validate(settings))


def plus(**settings: Any) -> nn.Module:
    with torch.device("meta"):
        return build(SpexPlusConfig.model_validate(settings))


@pytest.mark.parametrize(("base", "small", "base_count", "small_count"), COUNTS)
def test_parameters_of_the_short_form(
    base: dict[str, Any], small: dict[str, Any], base_count: int, small_count: int
) -> None:
    assert count(short(**BASE, memory=base)) == base_count
    assert count(short(**SMALL, memory=small)) == small_count


@pytest.mark.parametrize(("version", "wanted"), [(0, 14_539_389), (1, 15_523_197), (2, 14_801_789), (3, 14_540_349)])
def test_parameters_with_large_maps(version: int, wanted: int) -> None:
    assert count(short(**BASE, memory={"kind": "gru", "version": version, "size": 384})) == wanted


def test_parameters_of_spexplus() -> None:
    assert count(plus(**BASE)) == 14_028_029
    assert count(plus(**SMALL)) == 7_971_136
    assert count(plus(speakers=100, blocks=8)) == 18_249_601
    assert count(short(speakers=100, blocks=8)) == 17_607_551


@pytest.mark.parametrize(
    ("sizes", "memory", "handler", "main"), [(BASE, 128, 326_858, 13_763_507), (SMALL, 96, 191_245, 7_771_347)]
)
def test_parameters_of_the_two_graphs(sizes: dict[str, Any], memory: int, handler: int, main: int) -> None:
    """The speech encoder is in both."""
    model = short(**sizes, memory={"kind": "gru", "size": memory})
    assert isinstance(model, Segmented)
    spex = model.model
    assert isinstance(spex, Spex)
    assert count(spex.encoder, spex.speaker, spex.speaker_logits) == handler
    assert count(spex.encoder, spex.separator, spex.masks, spex.decoder) == main


def test_the_further_layer_is_half_of_everything() -> None:
    assert count(short(**BASE)) - count(short(**BASE, extra_pointwise=False)) == 24 * 262_656


def test_gains_of_norms_begin_at_one() -> None:
    model = build(SpexPlusShortConfig(channels=8, hidden=8, voice_size=4))
    norms = [module for module in model.modules() if isinstance(module, GlobalNorm)]
    assert len(norms) == 48
    assert all(bool((norm.weight == 1).all() and (norm.bias == 0).all()) for norm in norms)


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (40, 1), (41, 2), (60, 2), (61, 3), (4800, 239)])
def test_frames_hold_all_samples(samples: int, frames: int) -> None:
    encoder = Spex(SpexPlusConfig(channels=4)).encoder
    assert [part.shape for part in encoder(torch.zeros(2, samples))] == [(2, 4, frames)] * 3
    assert encoder.frames(samples) == frames
    assert encoder.frames_of(torch.tensor([samples])).tolist() == [frames]


def test_a_reference_is_as_good_alone_as_beside_longer_ones() -> None:
    """Two seconds padded to six gave another voice in the research code (cosine 0.91)."""
    torch.manual_seed(0)
    model = build(SpexPlusShortConfig(channels=16, hidden=8, voice_size=12)).eval()
    ref_BR = 0.1 * torch.randn(1, 2000)
    padded_BR = torch.cat([ref_BR, torch.zeros(1, 4000)], 1)
    assert torch.allclose(model.enroll(padded_BR, torch.tensor([2000])), model.enroll(ref_BR), atol=1e-6)
    assert not torch.allclose(model.enroll(padded_BR), model.enroll(ref_BR), atol=1e-4)


def test_causal_blocks_see_no_later_frame() -> None:
    settings = {"channels": 16, "hidden": 8, "voice_size": 4, "blocks": 3, "norm": "channel", "segment": None}

    def sees(causal: bool) -> int:
        torch.manual_seed(0)
        model = build(SpexPlusShortConfig.model_validate({**settings, "causal": causal})).eval()
        mix_BN: Tensor = torch.randn(1, 2000).requires_grad_(True)
        model.extract(mix_BN, torch.randn(1, 4)).wav_BN[0, 1000:1010].sum().backward()
        assert mix_BN.grad is not None
        return int(mix_BN.grad[0].nonzero().max())

    assert sees(causal=True) < 1050
    assert sees(causal=False) > 1200


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"segment": None, "memory": {"kind": "rnn"}}, "goes from window to window"),
        ({"segment": {"window_ms": 301}}, "whole kernels of 40 samples, not 4816"),
        ({"channels": 64, "memory": {"kind": "cache", "size": 65}}, "65 of 64 channels"),
        ({"blocks": 2, "memory": {"kind": "rnn"}}, "blocks >= 3"),
        ({"memory": {"kind": "gru", "version": 4}}, "less than or equal to 3"),
    ],
)
def test_wrong_configs_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SpexPlusShortConfig.model_validate(settings)


def test_scales_begin_with_the_shortest() -> None:
    with pytest.raises(ValidationError, match="begin with the shortest"):
        SpexPlusConfig(kernel=(40, 320, 160))
