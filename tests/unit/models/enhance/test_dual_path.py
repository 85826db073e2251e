from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from models.enhance.dual_path import DualPath, DualPathConfig, build
from models.spec import VARIANTS, create, parse
from models.streaming import Streaming, reset_rows, scan, stack_rows, take_rows
from sonant.measure import macs

TINY = {"sample_rate_hz": 8000, "bands": 32, "low_hz": 1000, "channels": 8, "hidden": 8, "mix": 12}


def tiny(**settings: Any) -> DualPath:
    """A small network whose weights are as large as those of a trained one: a new one lets all through."""
    torch.manual_seed(0)
    model = build(DualPathConfig.model_validate({**TINY, **settings})).eval().requires_grad_(False)
    model.head.weight.normal_(std=0.5)
    return model


def named(name: str) -> DualPath:
    model = create(parse(VARIANTS[name]))
    assert isinstance(model, DualPath)
    return model.eval().requires_grad_(False)


def tones(rows: int, samples: int, seed: int = 0) -> Tensor:
    """Vowel-like sound at 8 kHz: harmonics whose level rises and falls."""
    draw = torch.Generator().manual_seed(seed)
    time_N = torch.arange(samples) / 8000
    pitch_B1 = 100 + 100 * torch.rand(rows, 1, generator=draw)
    rate_B1 = 2 + 4 * torch.rand(rows, 1, generator=draw)
    level_BN = 0.1 * (1 + torch.sin(6.2832 * rate_B1 * time_N))
    wave_BN = sum((torch.sin(6.2832 * n * pitch_B1 * time_N) / n for n in range(1, 8)), torch.zeros(rows, samples))
    return level_BN * wave_BN


@pytest.mark.parametrize(("name", "most"), [("dual_path", 100_000), ("dual_path-tiny", 30_000)])
def test_variants_are_small_and_cheap(name: str, most: int) -> None:
    model = named(name)
    assert sum(parameter.numel() for parameter in model.parameters()) <= most
    assert macs.of_model(model).total < 100e6


@pytest.mark.parametrize(("latency_ms", "rate_hz", "hop"), [(20, 16_000, 160), (16, 16_000, 128), (20, 8000, 80)])
def test_latency_is_by_config(latency_ms: float, rate_hz: int, hop: int) -> None:
    model = tiny(latency_ms=latency_ms, sample_rate_hz=rate_hz)
    assert isinstance(model, Streaming)
    assert (model.hop, model.latency) == (hop, hop)
    assert model.hop + model.latency == latency_ms * rate_hz / 1000


@pytest.mark.parametrize("samples", [1, 79, 80, 81, 1000])
def test_any_length_comes_back(samples: int) -> None:
    out_BN = tiny()(0.1 * torch.randn(2, samples))
    assert out_BN.shape == (2, samples)
    assert out_BN.isfinite().all()


@pytest.mark.parametrize("name", ["dual_path", "dual_path-tiny"])
def test_a_new_network_lets_sound_through(name: str) -> None:
    wav_BN = 0.1 * torch.randn(2, 8000)
    out_BN = named(name)(wav_BN)
    assert (out_BN - wav_BN).square().mean() < 1e-3 * wav_BN.square().mean()


@pytest.mark.parametrize("sizes", [[1] * 12, [2] * 6, [5, 1, 4, 2], [12]])
def test_stream_equals_offline_for_any_chunks(sizes: list[int]) -> None:
    model, wav_BN = tiny(), tones(3, 960) * torch.tensor([[0.5], [0.05], [1.0]])
    streamed_BN, state = scan(model, wav_BN, [80 * size for size in sizes])
    assert torch.allclose(streamed_BN, model.offline(wav_BN), atol=1e-5)
    whole_BN = torch.cat([streamed_BN, model.flush(state)], 1)[:, model.latency :]
    assert torch.allclose(whole_BN, model(wav_BN), atol=1e-5)


def test_later_input_never_changes_earlier_output() -> None:
    model, wav_BN = tiny(), tones(1, 1600)
    changed_BN = torch.cat([wav_BN[:, :800], torch.randn(1, 800)], 1)
    before_BN, after_BN = model.offline(wav_BN), model.offline(changed_BN)
    assert torch.allclose(before_BN[:, :800], after_BN[:, :800], atol=1e-6)
    assert not torch.allclose(before_BN[:, 800:880], after_BN[:, 800:880], atol=1e-3)


def test_rows_are_alone() -> None:
    model, wav_BN = tiny(), tones(3, 800)
    together_BN, state = scan(model, wav_BN, [400, 400])
    for row in range(3):
        alone_BN, own = scan(model, wav_BN[row : row + 1], [400, 400])
        assert torch.allclose(together_BN[row : row + 1], alone_BN, atol=1e-5)
        assert all(torch.allclose(value, own[name], atol=1e-5) for name, value in take_rows(state, [row]).items())
    cleared = reset_rows(model, state, [1])
    fresh_BN, _ = model.step(wav_BN[1:2, :80], model.init_state(1))
    again_BN, _ = model.step(wav_BN[:, :80], stack_rows([take_rows(cleared, [row]) for row in range(3)]))
    assert torch.allclose(again_BN[1:2], fresh_BN, atol=1e-5)


@pytest.mark.parametrize("gain", [0.1, 0.01, 10.0])
def test_level_passes_through(gain: float) -> None:
    """A quieter recording gives the same, quieter by as much."""
    model, wav_BN = tiny(), tones(2, 4000)
    out_BN = model(wav_BN)
    assert out_BN.std() > 0.01
    assert torch.allclose(model(gain * wav_BN) / gain, out_BN, atol=1e-4)


def test_silence_is_silent() -> None:
    model = tiny()
    assert not model(torch.zeros(1, 1600)).any()
    paused_BN = torch.cat([tones(1, 1600), torch.zeros(1, 8000)], 1)
    out_BN = model(paused_BN)
    assert out_BN.isfinite().all()
    assert not out_BN[:, 1600 + model.hop + 2 * model.hop + model.hop :].any()


def test_what_one_frame_is_made_of_is_bounded() -> None:
    """Whatever the network says, a bin is at most twice itself and what taps add of its past."""
    model = tiny(taps=1)
    model.head.bias.fill_(100.0)
    wav_BN = tones(1, 4000)
    assert model(wav_BN).abs().max() < 2 * 2.3 * wav_BN.abs().max()


def test_one_tap_streams_too() -> None:
    model, wav_BN = tiny(taps=1), tones(2, 800)
    assert torch.allclose(scan(model, wav_BN, [160] * 5)[0], model.offline(wav_BN), atol=1e-5)
    assert not any(name.startswith("filter") for name in model.init_state(1))


def test_learns_to_take_noise_away() -> None:
    torch.manual_seed(0)
    model = build(DualPathConfig.model_validate(TINY))
    clean_BN = tones(4, 2400)
    noisy_BN = clean_BN + 0.1 * torch.randn(4, 2400)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    noise = (noisy_BN - clean_BN).square().mean().item()
    for _ in range(30):
        optimizer.zero_grad()
        loss = (model(noisy_BN) - clean_BN).square().mean()
        loss.backward()
        optimizer.step()
    assert (model(noisy_BN) - clean_BN).square().mean().item() < 0.4 * noise


def test_a_long_stream_keeps_its_memory_small() -> None:
    model = tiny(hidden=4, channels=4, blocks=1)
    wav_BN, begin = 0.1 * torch.randn(1, 160_000), model.init_state(1)
    out_BN, state = model.step(wav_BN, begin)
    assert out_BN.isfinite().all()
    assert {name: value.shape for name, value in state.items()} == {name: value.shape for name, value in begin.items()}
    assert all(value.abs().max() < 1e3 for value in state.values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bands": 162}, "no multiple|at most"),
        ({"bands": 20}, "at least 2 more than the 20 bins"),
        ({"group": 5}, "no multiple of group=5"),
        ({"latency_ms": 20.1}, "even number"),
        ({"spare_db": [20, 20]}, "second ratio must be the higher"),
    ],
)
def test_wrong_configs_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DualPathConfig.model_validate({**TINY, **settings})
