from typing import Any

import pytest
import torch
from pydantic import ValidationError

from models.extract.base import stream
from models.extract.causal import CausalExtractor, CausalExtractorConfig, build
from models.spec import VARIANTS, parse

TINY = {
    "channels": 8,
    "hidden": 8,
    "stacks": 2,
    "blocks": 2,
    "voice_size": 4,
    "basis": {"kind": "learned", "filters": 8},
}


def tiny(**settings: Any) -> CausalExtractor:
    torch.manual_seed(0)
    return build(CausalExtractorConfig.model_validate({**TINY, **settings})).eval()


@pytest.mark.parametrize(
    ("latency_ms", "hops", "hop", "latency"), [(2.5, 2, 20, 20), (10, 2, 80, 80), (10, 4, 40, 120), (20, 4, 80, 240)]
)
def test_latency_is_by_config(latency_ms: float, hops: int, hop: int, latency: int) -> None:
    model = tiny(latency_ms=latency_ms, hops_per_frame=hops)
    assert (model.hop, model.latency) == (hop, latency)
    assert model.hop + model.latency == latency_ms * 16


@pytest.mark.parametrize("name", [name for name, data in VARIANTS.items() if data["kind"] == "causal_extractor"])
def test_variants_have_at_most_two_million_parameters(name: str) -> None:
    config = parse({**VARIANTS[name], "speakers": 256})
    assert isinstance(config, CausalExtractorConfig)
    with torch.device("meta"):
        model = build(config)
    kept = sum(parameter.numel() for part, parameter in model.named_parameters() if not part.startswith("speaker."))
    assert 1.6e6 < kept <= 2.0e6


def test_absent_voices_are_silenced_outside_training() -> None:
    model = tiny()
    mix_BN, voice_BE = torch.randn(1, 1600), torch.randn(1, 4)
    with torch.no_grad():
        open_BN = tiny(gate=False).extract(mix_BN, voice_BE).wav_BN
        for logit, gain in ((30.0, 1.0), (0.0, 0.5), (-30.0, 0.0)):
            model.presence[1].weight.zero_()
            model.presence[1].bias.fill_(logit)
            assert torch.allclose(model.eval().extract(mix_BN, voice_BE).wav_BN, gain * open_BN, atol=1e-5)
            assert torch.equal(model.train().extract(mix_BN, voice_BE).wav_BN, open_BN)


def test_presence_is_told_at_every_hop_that_has_begun() -> None:
    presence_BF = tiny().extract(torch.randn(2, 801), torch.randn(2, 4)).presence_BF
    assert presence_BF is not None
    assert presence_BF.shape == (2, 11)


def test_silence_is_silent() -> None:
    model = tiny()
    assert not model.extract(torch.zeros(1, 1600), torch.randn(1, 4)).wav_BN.any()


@pytest.mark.parametrize("condition", ["film", "multiply"])
def test_the_voice_matters(condition: str) -> None:
    model, mix_BN = tiny(condition=condition), torch.randn(1, 1600)
    one_BN, other_BN = (model.extract(mix_BN, torch.randn(1, 4)).wav_BN for _ in range(2))
    assert not torch.allclose(one_BN, other_BN, atol=1e-3)


def test_loudness_of_mixture_and_reference_does_not_matter() -> None:
    """Only as a factor of what comes out."""
    model = tiny()
    mix_BN, ref_BR = torch.randn(1, 1600), torch.randn(1, 1600)
    loud_BN, quiet_BN = (model(gain * mix_BN, gain * ref_BR).wav_BN for gain in (1.0, 0.1))
    assert torch.allclose(10 * quiet_BN, loud_BN, atol=1e-4)


@pytest.mark.parametrize("norm", ["channel", "cumulative"])
def test_a_long_stream_keeps_its_memory_small_and_finite(norm: str) -> None:
    """Half an hour, in a network of one hop in ten milliseconds: what a norm sums up must not grow without end."""
    model = tiny(norm=norm, latency_ms=20, hops_per_frame=2, sample_rate_hz=4000)
    _, begin = stream(model, torch.randn(1, 4000), torch.randn(1, 4), [4000])
    chunk_BN, state = 0.1 * torch.randn(1, 400_000), begin
    voice_BE = torch.randn(1, 4)
    with torch.no_grad():
        for _ in range(18):
            live, state = model.step(chunk_BN, state, voice_BE)
    assert live.wav_BN.isfinite().all()
    assert {name: value.shape for name, value in state.items()} == {name: value.shape for name, value in begin.items()}
    assert all(value.abs().max() < 1e4 for value in state.values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hops_per_frame": 7}, "320 samples: no multiple of 7 hops"),
        ({"latency_ms": 20.05, "hops_per_frame": 2}, "321 samples: no multiple of 2"),
        ({"memory": {"kind": "gru"}}, "vector_gru"),
        ({"sample_rate_hz": 5000, "latency_ms": 3, "hops_per_frame": 3, "basis": {"kind": "fourier"}}, "even number"),
    ],
)
def test_wrong_configs_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CausalExtractorConfig.model_validate(settings)
