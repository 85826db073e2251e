"""What every enhancement network promises. A new network is a row in LIVE, or in WHOLE if it has no live form."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from models.enhance.base import Enhancer, LiveEnhancer
from models.spec import SPECS, create, parse
from models.streaming import Streaming, reset_rows, scan, stack_rows, state_specs, take_rows

RATE_HZ = 4000
TONES_HZ = (200.0, 310.0, 450.0)

DEMUCS: dict[str, Any] = {"kind": "demucs", "sample_rate_hz": RATE_HZ, "hidden": 6, "depth": 3, "zero_crossings": 8}
GATEWAVE: dict[str, Any] = {"kind": "gatewave", "sample_rate_hz": RATE_HZ, "hidden": 6, "depth": 2}
WAVE_UNET: dict[str, Any] = {"kind": "wave_unet", "sample_rate_hz": RATE_HZ, "hidden": 6, "depth": 3}
DUAL_PATH: dict[str, Any] = {
    "kind": "dual_path",
    "sample_rate_hz": RATE_HZ,
    "bands": 32,
    "low_hz": 1000,
    "channels": 8,
    "hidden": 8,
    "mix": 12,
}
LIVE: dict[str, dict[str, Any]] = {
    "demucs": DEMUCS,
    "demucs-two_times": {**DEMUCS, "resample": 2, "growth": 1.5, "lstm_layers": 1},
    "demucs-short_strides": {**DEMUCS, "resample": 1, "kernel": 8, "stride": 2, "level_ms": 100},
    "demucs-no_look_ahead": {**DEMUCS, "zero_crossings": 5, "look_ahead": False},
    "gatewave": {**GATEWAVE, "causal": True},
    "gatewave-no_look_ahead": {**GATEWAVE, "causal": True, "look_ahead": False, "level_ms": 100},
    "dual_path": DUAL_PATH,
    "dual_path-one_tap": {**DUAL_PATH, "taps": 1, "blocks": 1, "latency_ms": 16, "low_hz": 1125},
}
WHOLE: dict[str, dict[str, Any]] = {
    "demucs-both_ways": {**DEMUCS, "causal": False},
    "gatewave-both_ways": GATEWAVE,
    "wave_unet": WAVE_UNET,
    "wave_unet-concat": {**WAVE_UNET, "growth": "add", "skip": "concat", "bottom": True},
}
CASES = LIVE | WHOLE


def build(name: str) -> Enhancer:
    """The network of a case with fresh weights, the same ones every time."""
    torch.manual_seed(0)
    return create(parse(CASES[name]))


def noisy(count: int, samples: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Tones that come and go in noise as loud as they are, and the tones alone."""
    draw = torch.Generator().manual_seed(seed)
    time_N = torch.arange(samples) / RATE_HZ
    rate_B1, phase_B1 = 2 + 4 * torch.rand(2, count, 1, generator=draw)
    level_BN = 0.15 * (1 + torch.sin(6.2832 * rate_B1 * time_N + 3 * phase_B1))
    tone_B1 = torch.tensor(TONES_HZ)[torch.arange(count) % len(TONES_HZ), None]
    clean_BN = level_BN * torch.sin(6.2832 * tone_B1 * time_N + phase_B1)
    return clean_BN + 0.13 * torch.randn(count, samples, generator=draw), clean_BN


def snr(wav_BN: Tensor, clean_BN: Tensor) -> Tensor:
    """Signal to distortion in dB, [B]. It sees signs and levels."""
    return 10 * torch.log10(clean_BN.square().sum(1) / ((wav_BN - clean_BN).square().sum(1) + 1e-8))


@cache
def learn(name: str) -> tuple[Enhancer, list[float]]:
    """A network in evaluation mode after some steps on one batch, and the ratios on the way there."""
    model = build(name)
    wav_BN, clean_BN = noisy(6, 1200)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    ratios: list[float] = []
    for _ in range(40):
        optimizer.zero_grad()
        ratio = snr(model(wav_BN), clean_BN).mean()
        (-ratio).backward()
        optimizer.step()
        ratios.append(ratio.item())
    return model.eval().requires_grad_(False), ratios


@pytest.fixture(params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def model(name: str) -> Enhancer:
    return learn(name)[0]


@pytest.fixture(params=LIVE)
def live(request: pytest.FixtureRequest) -> LiveEnhancer:
    """A trained network that streams."""
    model = learn(request.param)[0]
    assert isinstance(model, LiveEnhancer)
    return model


@pytest.fixture
def wav_BN(live: LiveEnhancer) -> Tensor:
    """Three streams at different levels: whole hops, twelve or more, longer than the latency by far."""
    samples = max(12 * live.hop, 2 * live.latency, 1200) // live.hop * live.hop
    return torch.tensor([[1.0], [0.1], [3.0]]) * noisy(3, samples, seed=2)[0]


def chunks(kind: str, hop: int, samples: int) -> list[int]:
    """Chunk sizes that cover a signal."""
    total = samples // hop
    most = {"hop": 1, "two hops": 2, "random": max(4, 120 // hop), "whole": total}[kind]
    draw = torch.Generator().manual_seed(0)
    sizes: list[int] = []
    while sum(sizes) < total:
        size = int(torch.randint(1, most, (1,), generator=draw)) if kind == "random" else most
        sizes.append(min(size, total - sum(sizes)))
    return [size * hop for size in sizes]


def test_every_network_is_in_the_table() -> None:
    kinds = {kind for kind, spec in SPECS.items() if spec.job == "enhance"}
    assert {config["kind"] for config in CASES.values()} == kinds
    assert not any(isinstance(build(name), LiveEnhancer) for name in WHOLE)


def test_follows_the_contract(live: LiveEnhancer) -> None:
    assert isinstance(live, Streaming)
    assert live.hop > 0
    assert live.latency >= 0
    assert live.sample_rate_hz == RATE_HZ
    for value in live.init_state(1).values():
        assert (value == value.flatten()[0]).all(), "graphs begin a stream by filling its state with one value"


@pytest.mark.parametrize("kind", ["hop", "two hops", "random", "whole"])
def test_stream_equals_offline_for_any_chunks(live, wav_BN, same, kind: str) -> None:
    streamed_BN, _ = scan(live, wav_BN, chunks(kind, live.hop, wav_BN.shape[1]))
    offline_BN = live.offline(wav_BN)
    assert offline_BN.shape == wav_BN.shape
    assert offline_BN[0].std() > 0.02  # an error would be lost in silence
    same(streamed_BN, offline_BN, 1e-5)


@pytest.mark.parametrize("hops", [1, 2, 5])
def test_stream_and_flush_give_the_whole_recording(live, wav_BN, same, hops: int) -> None:
    """Also where the stream is shorter than the latency."""
    wav_BN = wav_BN[:, live.hop : (1 + hops) * live.hop]
    streamed_BN, state = scan(live, wav_BN, [live.hop] * hops)
    rest_BN = live.flush(state)
    assert rest_BN.shape == (3, live.latency)
    joined_BN = torch.cat([streamed_BN, rest_BN], 1)[:, live.latency :]
    same(joined_BN, live(wav_BN), 1e-5)
    if live.tail is not None and hops > 1:
        same(state[live.tail].flatten(1), rest_BN, 1e-5)


def test_later_input_never_changes_earlier_output(live, wav_BN, same) -> None:
    cut = wav_BN.shape[1] // live.hop // 2 * live.hop
    changed_BN = wav_BN.clone()
    changed_BN[:, cut:] = torch.randn(3, wav_BN.shape[1] - cut)
    before_BN, after_BN = live.offline(wav_BN), live.offline(changed_BN)
    same(after_BN[:, :cut], before_BN[:, :cut], 1e-6)
    # And no sooner than it must.
    until = slice(cut, cut + live.hop + live.latency)
    assert not torch.allclose(after_BN[:, until], before_BN[:, until], atol=1e-3)


def test_output_is_aligned_with_the_input(live, wav_BN) -> None:
    """A sample waits as long as is stated: what comes out correlates with the input `latency` samples before."""
    clean_BN = torch.tensor([[1.0], [0.1], [3.0]]) * noisy(3, wav_BN.shape[1], seed=2)[1]
    late_BN = live.offline(torch.nn.functional.pad(wav_BN, (0, -(-live.latency // live.hop) * live.hop)))
    aligned_BN = late_BN[:, live.latency : live.latency + wav_BN.shape[1]]
    assert (snr(aligned_BN, clean_BN) > snr(wav_BN, clean_BN)).all()
    assert torch.equal(aligned_BN, live(wav_BN))


def test_rows_do_not_mix(live, wav_BN, same) -> None:
    sizes = chunks("random", live.hop, wav_BN.shape[1])
    together_BN, _ = scan(live, wav_BN, sizes)
    for row in range(3):
        alone_BN, _ = scan(live, wav_BN[row : row + 1], sizes)
        same(together_BN[row : row + 1], alone_BN, 1e-5)


def test_rows_reset_alone(live, wav_BN) -> None:
    half = wav_BN.shape[1] // live.hop // 2 * live.hop
    _, state = live.step(wav_BN[:, :half], live.init_state(3))
    after_BN, _ = live.step(wav_BN[:, half:], reset_rows(live, state, [1]))
    going_on_BN, _ = live.step(wav_BN[:, half:], state)
    fresh_BN, _ = live.step(wav_BN[:, half:], live.init_state(3))
    assert torch.equal(after_BN[1], fresh_BN[1])
    assert torch.equal(after_BN[[0, 2]], going_on_BN[[0, 2]])
    assert not torch.allclose(fresh_BN[2], going_on_BN[2], atol=1e-4)


def test_streams_of_different_age_share_a_batch(live, wav_BN, same) -> None:
    ages = [5, 1, 0]
    states = [
        scan(live, wav_BN[:1, : age * live.hop], [live.hop] * age)[1] if age else live.init_state(1) for age in ages
    ]
    chunk_BN = wav_BN[:, 3 * live.hop : 5 * live.hop]
    together_BN, after = live.step(chunk_BN, stack_rows(states))
    for row, before in enumerate(states):
        alone_BN, alone_after = live.step(chunk_BN[row : row + 1], before)
        same(together_BN[row : row + 1], alone_BN, 1e-5)
        for part, value in take_rows(after, [row]).items():
            same(value, alone_after[part], 1e-5)


def test_snapshot_goes_on_exactly(live, wav_BN) -> None:
    """A state written to bytes and read back by its specs alone continues bit for bit; a step leaves it untouched."""
    half = wav_BN.shape[1] // live.hop // 2 * live.hop
    _, state = live.step(wav_BN[:, :half], live.init_state(3))
    stored = {name: value.numpy().tobytes() for name, value in state.items()}
    first_BN, _ = live.step(wav_BN[:, half:], state)
    restored = {
        spec.name: torch.frombuffer(bytearray(stored[spec.name]), dtype=getattr(torch, spec.dtype)).view(3, *spec.shape)
        for spec in state_specs(live)
    }
    assert all(torch.equal(restored[name], value) for name, value in state.items())
    assert torch.equal(first_BN, live.step(wav_BN[:, half:], restored)[0])


def test_long_silence_and_clipping_stay_finite(live, wav_BN) -> None:
    shape = (1, live.hop * (RATE_HZ // live.hop))
    odd_BN = torch.cat([torch.zeros(shape), torch.ones(shape), torch.randn(shape).sign()])
    out_BN, state = scan(live, torch.cat([odd_BN, wav_BN], 1), [shape[1], wav_BN.shape[1]])
    assert out_BN.isfinite().all()
    assert all(value.isfinite().all() for value in state.values())
    # Speech after silence is what it is, not what a level of nothing makes of it.
    assert out_BN[0].abs().max() < 4 * wav_BN[0].abs().max()


@pytest.mark.parametrize("samples", [1, 2, 39, 1201])
def test_any_length(model: Enhancer, samples: int) -> None:
    out_BN = model(noisy(2, 1201)[0][:, :samples])
    assert out_BN.shape == (2, samples)
    assert out_BN.isfinite().all()


def test_silence_and_full_scale_stay_finite(model: Enhancer) -> None:
    out_BN = model(torch.cat([torch.zeros(1, 800), torch.ones(1, 800), torch.randn(1, 800).sign()]))
    assert out_BN.isfinite().all()
    assert out_BN[0].abs().max() < 1e-3


def test_rows_of_whole_recordings_do_not_mix(model: Enhancer, same) -> None:
    wav_BN = torch.tensor([[1.0], [0.1]]) * noisy(2, 900)[0]
    same(model(wav_BN)[1:], model(wav_BN[1:]), 1e-5)


def test_level_does_not_matter(model: Enhancer, same) -> None:
    """Only as a factor of what comes out, for all that is well above the floor."""
    wav_BN = noisy(2, 900, seed=3)[0]
    same(model(10 * wav_BN) / 10, model(wav_BN), 0.01)


def test_gradient_reaches_every_parameter(name: str) -> None:
    model = build(name)
    wav_BN, clean_BN = noisy(3, 720)
    snr(model(wav_BN), clean_BN).mean().neg().backward()
    without = [name for name, parameter in model.named_parameters() if not bool(parameter.grad.abs().sum() > 0)]
    assert without == []


def test_takes_noise_away_and_keeps_the_sign(name: str) -> None:
    """From what was heard in training to more than what came in, with tones that are not upside down."""
    model, ratios = learn(name)
    wav_BN, clean_BN = noisy(6, 1200)
    out_BN = model(wav_BN)
    assert ratios[-1] > ratios[0] + 3.0
    assert snr(out_BN, clean_BN).mean() > snr(wav_BN, clean_BN).mean() + 1.0
    assert ((out_BN * clean_BN).sum(1) > 0.3 * clean_BN.square().sum(1)).all()


def test_evaluation_is_deterministic(model: Enhancer) -> None:
    wav_BN = noisy(2, 900)[0]
    assert torch.equal(model(wav_BN), model(wav_BN))
