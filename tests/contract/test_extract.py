"""What every extraction network promises, for every memory and both ways of cutting into windows."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models.extract.base import Extraction, Extractor, LiveExtractor, stream
from models.spec import SPECS, create, parse
from models.streaming import Streaming, reset_rows, stack_rows, state_specs, take_rows

RATE_HZ = 4000
SPEAKERS = 3
TONES_HZ = (200.0, 500.0, 1100.0)

CAUSAL: dict[str, Any] = {
    "kind": "causal_extractor",
    "sample_rate_hz": RATE_HZ,
    "speakers": SPEAKERS,
    "basis": {"kind": "learned", "filters": 24},
    "channels": 12,
    "hidden": 16,
    "stacks": 2,
    "blocks": 3,
    "voice_size": 8,
    "enrolment_blocks": 1,
}
# Windows of 240 samples, 23 frames of 20.
SHORT: dict[str, Any] = {
    "kind": "spexplus_short",
    "sample_rate_hz": RATE_HZ,
    "speakers": SPEAKERS,
    "kernel": 20,
    "channels": 12,
    "hidden": 16,
    "voice_size": 8,
    "speaker_blocks": 2,
    "stacks": 2,
    "blocks": 3,
}
SPEXPLUS = {**SHORT, "kind": "spexplus", "kernel": [20, 40, 80]}
FRAME_MEMORIES: dict[str, dict[str, Any]] = {
    "none": {"kind": "none"},
    "vector_gru": {"kind": "vector_gru", "size": 10},
    "channel_gru": {"kind": "channel_gru", "size": 10},
    "gated_cache": {"kind": "gated_cache", "size": 10, "delay_ms": 40},
    "special_channels": {"kind": "special_channels", "size": 4, "delay_ms": 40},
}
CHUNK_MEMORIES: dict[str, dict[str, Any]] = {
    "none": {"kind": "none"},
    "rnn": {"kind": "rnn"},
    **{f"gru{version}": {"kind": "gru", "version": version, "size": 6} for version in range(4)},
    "cache": {"kind": "cache", "size": 6},
    "special_channels": {"kind": "special_channels", "size": 4},
}
LIVE: dict[str, dict[str, Any]] = {
    **{f"causal-{name}": {**CAUSAL, "memory": memory} for name, memory in FRAME_MEMORIES.items()},
    "causal-cumulative": {**CAUSAL, "norm": "cumulative", "condition": "multiply"},
    "causal-fourier-10ms": {**CAUSAL, "latency_ms": 10, "hops_per_frame": 2, "basis": {"kind": "fourier"}},
    "causal-2.5ms": {**CAUSAL, "latency_ms": 2.5, "hops_per_frame": 2, "gate": False},
    **{
        f"short-{mode}-{name}": {**SHORT, "segment": {"window_ms": 60, "mode": mode}, "memory": memory}
        for mode in ("half", "nonintersec")
        for name, memory in CHUNK_MEMORIES.items()
    },
    "short-half-gru0-paper": {
        **SHORT,
        "segment": {"window_ms": 60, "align_memory": False},
        "memory": CHUNK_MEMORIES["gru0"],
        "extra_pointwise": False,
        "norm": "channel",
        "causal": True,
    },
    "spexplus-half": {**SPEXPLUS, "segment": {"window_ms": 60}},
}
WHOLE: dict[str, dict[str, Any]] = {"short-whole": {**SHORT, "segment": None}, "spexplus-whole": SPEXPLUS}
CASES = LIVE | WHOLE


def build(name: str) -> Extractor:
    """The network of a case with fresh weights, the same ones every time."""
    torch.manual_seed(0)
    return create(parse(CASES[name]))


def mixtures(count: int, samples: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mixtures of two of three voices, each a tone that comes and goes; the wanted one, a reference of it, and its
    number. References are silent behind three quarters."""
    draw = torch.Generator().manual_seed(seed)
    wanted_B = torch.arange(count) % len(TONES_HZ)
    other_B = (wanted_B + 1 + torch.randint(0, 2, (count,), generator=draw)) % len(TONES_HZ)
    voices = [_voice(which_B, samples, draw) for which_B in (wanted_B, other_B, wanted_B)]
    voices[2][:, 3 * samples // 4 :] = 0
    return voices[0] + voices[1], voices[0], voices[2], wanted_B


def _voice(which_B: Tensor, samples: int, draw: torch.Generator) -> Tensor:
    time_N = torch.arange(samples) / RATE_HZ
    rate_B1, phase_B1 = 2 + 4 * torch.rand(2, len(which_B), 1, generator=draw)
    level_BN = 0.15 * (1 + torch.sin(6.2832 * rate_B1 * time_N + 3 * phase_B1))
    return level_BN * torch.sin(6.2832 * torch.tensor(TONES_HZ)[which_B, None] * time_N + phase_B1)


def si_sdr(wav_BN: Tensor, wanted_BN: Tensor) -> Tensor:
    """Scale-invariant signal to distortion in dB, [B]."""
    gain_B1 = (wav_BN * wanted_BN).sum(1, keepdim=True) / wanted_BN.square().sum(1, keepdim=True)
    part_BN = gain_B1 * wanted_BN
    return 10 * torch.log10(part_BN.square().sum(1) / ((wav_BN - part_BN).square().sum(1) + 1e-8) + 1e-8)


def loss(out: Extraction, wanted_BN: Tensor, label_B: Tensor) -> Tensor:
    """Of every output that there is."""
    total = -sum(si_sdr(wav_BN, wanted_BN).mean() for wav_BN in (out.wav_BN, *out.scales)) / (1 + len(out.scales))
    assert isinstance(total, Tensor)
    assert out.logits_BK is not None
    total = total + 0.5 * F.cross_entropy(out.logits_BK, label_B)
    if out.presence_BF is not None:
        total = total + F.softplus(-out.presence_BF).mean()
    return total


@cache
def learn(name: str) -> tuple[Extractor, list[float]]:
    """A network in evaluation mode after some steps on one batch, and what its losses were."""
    model = build(name)
    mix_BN, wanted_BN, ref_BR, label_B = mixtures(3, 720)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses: list[float] = []
    for _ in range(20):
        optimizer.zero_grad()
        now = loss(model(mix_BN, ref_BR), wanted_BN, label_B)
        now.backward()
        optimizer.step()
        losses.append(now.item())
    return model.eval().requires_grad_(False), losses


@pytest.fixture(params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def model(name: str) -> Extractor:
    return learn(name)[0]


@pytest.fixture(params=LIVE)
def live(request: pytest.FixtureRequest) -> LiveExtractor:
    """A trained network that streams."""
    model = learn(request.param)[0]
    assert isinstance(model, LiveExtractor)
    return model


@pytest.fixture(scope="module")
def ref_BR() -> Tensor:
    return mixtures(3, 1000, seed=1)[2]


@pytest.fixture
def voice_BE(live: LiveExtractor, ref_BR: Tensor) -> Tensor:
    return live.enroll(ref_BR)


@pytest.fixture(scope="module")
def mix_BN() -> Tensor:
    """Three streams of 0.36 s: six windows, whole hops for every network."""
    return torch.tensor([[1.0], [0.1], [3.0]]) * mixtures(3, 1440, seed=2)[0]


def chunks(kind: str, hop: int, samples: int) -> list[int]:
    """Chunk sizes that cover a signal."""
    total = samples // hop
    if kind == "random":
        draw = torch.Generator().manual_seed(0)
        most = max(4, 120 // hop)
        sizes: list[int] = []
        while sum(sizes) < total:
            sizes.append(min(int(torch.randint(1, most, (1,), generator=draw)), total - sum(sizes)))
    else:
        size = {"hop": 1, "two hops": 2, "whole": total}[kind]
        sizes = [size] * (total // size)
    return [size * hop for size in sizes]


def test_every_network_is_in_the_table() -> None:
    kinds = {kind for kind, spec in SPECS.items() if spec.job == "extract"}
    assert {config["kind"] for config in CASES.values()} == kinds


def test_follows_the_contract(live: LiveExtractor) -> None:
    assert isinstance(live, Streaming)
    assert live.hop > 0
    assert live.latency >= 0
    for value in live.init_state(1).values():
        assert (value == value.flatten()[0]).all(), "graphs begin a stream by filling its state with one value"


@pytest.mark.parametrize("kind", ["hop", "two hops", "random", "whole"])
def test_stream_equals_offline_for_any_chunks(live, voice_BE, mix_BN, same, kind: str) -> None:
    streamed, _ = stream(live, mix_BN, voice_BE, chunks(kind, live.hop, mix_BN.shape[1]))
    offline = live.offline(mix_BN, voice_BE)
    assert offline.wav_BN.shape == mix_BN.shape
    assert offline.wav_BN.std() > 0.05  # an error would be lost in silence
    same(streamed.wav_BN, offline.wav_BN, 1e-5)
    if offline.presence_BF is not None:
        assert offline.presence_BF.shape == (3, mix_BN.shape[1] // live.hop)
        same(streamed.presence_BF, offline.presence_BF, 1e-5)


@pytest.mark.parametrize("hops", [1, 2, 5])
def test_stream_and_flush_give_the_whole_mixture(live, voice_BE, mix_BN, same, hops: int) -> None:
    """Also where the stream is shorter than a window."""
    mix_BN = mix_BN[:, 200 : 200 + hops * live.hop]
    streamed, state = stream(live, mix_BN, voice_BE, [live.hop] * hops)
    rest_BN = live.flush(state, voice_BE)
    assert rest_BN.shape == (3, live.latency)
    joined_BN = torch.cat([streamed.wav_BN, rest_BN], 1)[:, live.latency :]
    same(joined_BN, live.extract(mix_BN, voice_BE).wav_BN, 1e-5)


def test_later_input_never_changes_earlier_output(live, voice_BE, mix_BN, same) -> None:
    cut = mix_BN.shape[1] // live.hop // 2 * live.hop
    changed_BN = mix_BN.clone()
    changed_BN[:, cut:] = torch.randn(3, mix_BN.shape[1] - cut)
    before, after = live.offline(mix_BN, voice_BE), live.offline(changed_BN, voice_BE)
    same(after.wav_BN[:, :cut], before.wav_BN[:, :cut], 1e-6)
    # And no sooner than it must.
    assert not torch.allclose(after.wav_BN[:, cut : cut + live.hop], before.wav_BN[:, cut : cut + live.hop], atol=1e-3)
    if before.presence_BF is not None:
        same(after.presence_BF[:, : cut // live.hop], before.presence_BF[:, : cut // live.hop], 1e-6)


def test_a_sample_waits_as_long_as_is_stated(live, voice_BE, mix_BN) -> None:
    """What one sample changes begins at it, or before it by no more than the windows or frames that hold it."""
    place = 700
    click_BN = F.pad(torch.full((3, 1), 0.5), (place, mix_BN.shape[1] - place - 1))
    before_BN = live.extract(mix_BN, voice_BE).wav_BN
    moved_BN = (live.extract(mix_BN + click_BN, voice_BE).wav_BN - before_BN).abs() > 1e-5
    first = int(moved_BN.any(0).float().argmax())
    assert place - live.hop - live.latency < first <= place


def test_rows_do_not_mix(live, voice_BE, mix_BN, same) -> None:
    sizes = chunks("random", live.hop, mix_BN.shape[1])
    together, _ = stream(live, mix_BN, voice_BE, sizes)
    for row in range(3):
        alone, _ = stream(live, mix_BN[row : row + 1], voice_BE[row : row + 1], sizes)
        same(together.wav_BN[row : row + 1], alone.wav_BN, 1e-5)


def test_rows_reset_alone(live, voice_BE, mix_BN) -> None:
    half = mix_BN.shape[1] // 2
    _, state = stream(live, mix_BN[:, :half], voice_BE, [half])
    after, _ = live.step(mix_BN[:, half:], reset_rows(live, state, [1]), voice_BE)
    going_on, _ = live.step(mix_BN[:, half:], state, voice_BE)
    fresh, _ = live.step(mix_BN[:, half:], live.init_state(3), voice_BE)
    assert torch.equal(after.wav_BN[1], fresh.wav_BN[1])
    assert torch.equal(after.wav_BN[[0, 2]], going_on.wav_BN[[0, 2]])
    assert not state or not torch.allclose(fresh.wav_BN[2], going_on.wav_BN[2], atol=1e-4)


def test_streams_of_different_age_share_a_batch(live, voice_BE, mix_BN, same) -> None:
    ages = [5, 1, 0]
    states = [
        stream(live, mix_BN[:1, : age * live.hop], voice_BE[:1], [live.hop] * age)[1] if age else live.init_state(1)
        for age in ages
    ]
    chunk_BN = mix_BN[:, 240 : 240 + 2 * live.hop]
    together, after = live.step(chunk_BN, stack_rows(states) if states[0] else {}, voice_BE)
    for row, before in enumerate(states):
        alone, alone_after = live.step(chunk_BN[row : row + 1], before, voice_BE[row : row + 1])
        same(together.wav_BN[row : row + 1], alone.wav_BN, 1e-5)
        for part, value in take_rows(after, [row]).items():
            same(value, alone_after[part], 1e-5)


def test_snapshot_goes_on_exactly(live, voice_BE, mix_BN) -> None:
    """A state written to bytes and read back by its specs alone continues bit for bit; a step leaves it untouched."""
    half = mix_BN.shape[1] // 2
    _, state = stream(live, mix_BN[:, :half], voice_BE, [half])
    stored = {name: value.numpy().tobytes() for name, value in state.items()}
    first, _ = live.step(mix_BN[:, half:], state, voice_BE)
    restored = {
        spec.name: torch.frombuffer(bytearray(stored[spec.name]), dtype=getattr(torch, spec.dtype)).view(3, *spec.shape)
        for spec in state_specs(live)
    }
    assert all(torch.equal(restored[name], value) for name, value in state.items())
    second, _ = live.step(mix_BN[:, half:], restored, voice_BE)
    assert torch.equal(first.wav_BN, second.wav_BN)


def test_long_silence_and_clipping_stay_finite(live, voice_BE, mix_BN) -> None:
    shape = (1, live.hop * (RATE_HZ // live.hop))
    odd_BN = torch.cat([torch.zeros(shape), torch.ones(shape), torch.randn(shape).sign()])
    out, state = stream(live, torch.cat([odd_BN, mix_BN], 1), voice_BE, [shape[1], mix_BN.shape[1]])
    assert out.wav_BN.isfinite().all()
    assert all(value.isfinite().all() for value in state.values())
    for odd_BR in (odd_BN, odd_BN[:, :1]):
        assert live.enroll(odd_BR).isfinite().all()


@pytest.mark.parametrize("samples", [1, 39, 1201])
def test_any_length_of_mixture_and_reference(model: Extractor, samples: int) -> None:
    mix_BN, _, ref_BR, _ = mixtures(2, 1201)
    out = model(mix_BN[:, :samples], ref_BR)
    assert out.wav_BN.shape == (2, samples)
    assert out.logits_BK is not None
    assert out.logits_BK.shape == (2, SPEAKERS)
    voice_BE = model.enroll(ref_BR[:, :samples])
    assert voice_BE.shape == (2, model.voice_size)
    assert out.wav_BN.isfinite().all()
    assert voice_BE.isfinite().all()


@pytest.mark.parametrize("training", [False, True])
def test_padding_of_references_changes_nothing(name: str, same, training: bool) -> None:
    """Not their voices, and not what batch norms remember of them, whatever the padding holds."""
    samples = (1000, 1, 333)
    model = build(name).train(training)
    other = build(name).train(training)
    ref_BR, samples_B = mixtures(3, 1000)[2], torch.tensor(samples)
    padded_BR = F.pad(ref_BR, (0, 777), value=0.5)
    padded_BR[2, samples[2] :] = 1.0
    same(other.enroll(padded_BR, samples_B), model.enroll(ref_BR, samples_B), 1e-5)
    for name, value in model.state_dict().items():
        same(other.state_dict()[name].float(), value.float(), 1e-5)
    if not training:
        alone_BE = torch.cat([model.enroll(row_R[:count][None]) for row_R, count in zip(ref_BR, samples, strict=True)])
        same(model.enroll(ref_BR, samples_B), alone_BE, 1e-5)


def test_gradient_reaches_every_parameter(name: str) -> None:
    model = build(name)
    mix_BN, wanted_BN, ref_BR, label_B = mixtures(3, 720)
    loss(model(mix_BN, ref_BR), wanted_BN, label_B).backward()
    without = [name for name, parameter in model.named_parameters() if not bool(parameter.grad.abs().sum() > 0)]
    assert without == []


def test_learns_a_tiny_problem(name: str) -> None:
    _, losses = learn(name)
    assert losses[-1] < losses[0] - 3.0
    assert losses[-1] < losses[len(losses) // 2]


def test_evaluation_is_deterministic(model: Extractor, mix_BN, ref_BR) -> None:
    assert torch.equal(model(mix_BN, ref_BR).wav_BN, model(mix_BN, ref_BR).wav_BN)


def test_scales_are_there_in_training_only(name: str, mix_BN, ref_BR) -> None:
    model = build(name)
    scales = 2 if CASES[name]["kind"] == "spexplus" else 0
    assert [wav_BN.shape for wav_BN in model(mix_BN, ref_BR).scales] == [mix_BN.shape] * scales
    assert model.eval()(mix_BN, ref_BR).scales == ()
