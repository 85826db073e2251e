"""The extractor: equal to torchaudio, equal in streams, sensible on silence, blind to the future and to neighbours."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import Tensor

from models.features import Extractor, FeatureConfig

RATE = 16000
# dB are 4.34 times natural-log units, so the same rounding shows as more.
TOLERANCE = {"log": 1e-5, "pcen": 1e-5, "db": 4e-5, "none": 1e-5}

CAUSAL: dict[str, dict[str, Any]] = {
    "raw": {"kind": "raw", "preemphasis": 0.97},
    "spectrogram": {"kind": "spectrogram", "compress": "pcen"},
    "log-mel": {"preemphasis": 0.97},
    "log-mel, no norm, deltas": {"norm": "none", "deltas": 2},
    "pcen and norm": {"compress": "pcen", "norm": "causal", "deltas": 1},
    "mfcc": {"kind": "mfcc", "deltas": 2, "n_mfcc": 20},
    "spectral": {"kind": "spectral"},
    "odd sizes": {"sample_rate_hz": 11025, "window_ms": 23, "hop_ms": 7, "n_mels": 20, "f_max_hz": 4000},
}
CENTRED: dict[str, dict[str, Any]] = {
    "raw": {"kind": "raw", "norm": "clip_var"},
    "spectrogram": {"kind": "spectrogram", "compress": "db"},
    "log-mel": {},
    "pcen": {"compress": "pcen", "deltas": 1},
    "causal norm": {"norm": "causal"},
    "mfcc": {"kind": "mfcc", "norm": "clip_var", "deltas": 2},
    "spectral": {"kind": "spectral", "deltas": 1},
    "peak": {"compress": "db", "norm": "peak"},
}
BOTH = [pytest.param(CAUSAL[name], True, id=f"causal {name}") for name in CAUSAL] + [
    pytest.param(CENTRED[name], False, id=f"centred {name}") for name in CENTRED
]


def noise(rows: int, samples: int, seed: int = 0) -> Tensor:
    """Bursts of noise over a quiet floor: something like speech."""
    generator = torch.Generator().manual_seed(seed)
    envelope_N = 0.003 + 0.2 * (torch.arange(samples) // 1600 % 3 == 1)
    return torch.randn(rows, samples, generator=generator) * envelope_N


def stream(extractor: Extractor, wav_BN: Tensor, frames: list[int]) -> Tensor:
    """Features in chunks of so many frames, repeated until the wave is through."""
    state, out, start, turn = extractor.init_state(wav_BN.shape[0]), [], 0, 0
    while start < wav_BN.shape[1]:
        size = frames[turn % len(frames)] * extractor.hop
        feat_BFT, state = extractor.step(wav_BN[:, start : start + size], state)
        out.append(feat_BFT)
        start, turn = start + size, turn + 1
    return torch.cat(out, -1)


@pytest.mark.parametrize(("options", "causal"), BOTH)
def test_shape_is_announced(options: dict[str, Any], causal: bool) -> None:
    extractor = Extractor(FeatureConfig(**options), causal)
    for samples in (3200, 16001, 17777):
        assert extractor(noise(2, samples)).shape == (2, extractor.rows, extractor.frames(samples))


def test_shape_is_as_agreed() -> None:
    assert Extractor(FeatureConfig(), False).frames(RATE) == 101
    causal = Extractor(FeatureConfig(deltas=2), True)
    assert (causal.frames(RATE), causal.rows, causal.hop, causal.rate) == (100, 120, 160, 100.0)
    raw = Extractor(FeatureConfig(kind="raw"), True)
    assert (raw.frames(RATE), raw.rows, raw.hop) == (RATE, 1, 1)


@pytest.mark.parametrize("name", CAUSAL)
@pytest.mark.parametrize("frames", [[1], [2, 3, 1], [33, 31], [7, 64, 1]], ids=str)
def test_stream_equals_whole(name: str, frames: list[int]) -> None:
    extractor = Extractor(FeatureConfig(**CAUSAL[name]), True).eval()
    wav_BN = noise(2, 100 * (160 if extractor.hop == 1 else extractor.hop))
    scale = [160 * count for count in frames] if extractor.hop == 1 else frames
    atol = TOLERANCE[extractor.config.compress_for()]
    torch.testing.assert_close(stream(extractor, wav_BN, scale), extractor(wav_BN), rtol=0, atol=atol)


@pytest.mark.parametrize("name", CAUSAL)
def test_causal_frame_sees_its_hop_and_nothing_later(name: str) -> None:
    extractor = Extractor(FeatureConfig(**CAUSAL[name]), True).eval()
    hop, frame = extractor.hop, 10 if extractor.hop > 1 else 1600
    wav_BN = noise(1, 30 * 160)
    later_BN, within_BN = wav_BN.clone(), wav_BN.clone()
    later_BN[:, (frame + 1) * hop :] += 1.0
    within_BN[:, frame * hop] += 1.0
    same, later, within = (extractor(x)[..., : frame + 1] for x in (wav_BN, later_BN, within_BN))
    torch.testing.assert_close(later, same, rtol=0, atol=0)
    assert (within[..., -1] - same[..., -1]).abs().max() > 1e-3


@pytest.mark.parametrize(("options", "causal"), BOTH)
def test_neighbours_in_a_batch_change_nothing(options: dict[str, Any], causal: bool) -> None:
    extractor = Extractor(FeatureConfig(**options), causal).eval()
    wav_BN = torch.cat([noise(1, RATE), 300 * noise(1, RATE, seed=1)])
    torch.testing.assert_close(extractor(wav_BN)[:1], extractor(wav_BN[:1]), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("options", "causal"), BOTH)
def test_fft_and_convolution_agree(options: dict[str, Any], causal: bool) -> None:
    extractor = Extractor(FeatureConfig(**options), causal).eval()
    keys = set(extractor.state_dict())
    wav_BN = noise(2, RATE)
    fft_BFT = extractor(wav_BN)
    extractor.switch_dft("conv")
    # Single bins that happen to be near zero show more of the rounding than mel sums do.
    atol = 5e-4 if extractor.config.kind == "spectrogram" else 3e-5
    torch.testing.assert_close(extractor(wav_BN), fft_BFT, rtol=0, atol=atol)
    assert set(extractor.state_dict()) == keys
    extractor.switch_dft("fft")
    torch.testing.assert_close(extractor(wav_BN), fft_BFT, rtol=0, atol=0)


@pytest.mark.parametrize(("options", "causal"), BOTH)
@pytest.mark.parametrize("dft", ["fft", "conv"])
def test_silence_is_finite_and_trains(options: dict[str, Any], causal: bool, dft: Any) -> None:
    extractor = Extractor(FeatureConfig(**options), causal)
    extractor.switch_dft(dft)
    wav_BN = torch.zeros(2, 8000, requires_grad=True)
    feat_BFT = extractor(wav_BN)
    feat_BFT.square().sum().backward()
    assert feat_BFT.isfinite().all()
    assert (feat_BFT - feat_BFT[..., :1]).abs().max() < 0.02, "silence must look the same at any time"
    for value in (wav_BN, *extractor.parameters()):
        assert value.grad is not None
        assert value.grad.isfinite().all()


@pytest.mark.parametrize("options", [{}, {"kind": "mfcc"}, {"compress": "pcen"}], ids=["log", "mfcc", "pcen"])
def test_causal_features_hardly_depend_on_loudness(options: dict[str, Any]) -> None:
    """From the first second on: 30 dB of gain, 0.3 of a standard deviation."""
    extractor = Extractor(FeatureConfig(**options), True).eval()
    loud_BN = noise(1, 2 * RATE)
    loud, quiet = extractor(loud_BN), extractor(loud_BN * 10 ** (-30 / 20))
    assert (loud - quiet).square().mean() < 0.1 * loud.var(-1).mean()


def test_norm_defaults_follow_the_network() -> None:
    assert FeatureConfig().norm_for(causal=False) == "clip"
    assert FeatureConfig().norm_for(causal=True) == "causal"
    assert FeatureConfig(compress="pcen").norm_for(causal=True) == "none"
    assert FeatureConfig(kind="raw").norm_for(causal=True) == "none"
    assert FeatureConfig(kind="spectral").norm_for(causal=False) == "none"
    with pytest.raises(ValueError, match="a causal network has only the past"):
        Extractor(FeatureConfig(norm="clip"), causal=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hop_ms": 30}, "hop_ms=30 must be shorter than window_ms=30"),
        ({"n_fft": 400}, "n_fft=400 is shorter than the window of 480 samples"),
        ({"n_mels": 256}, "fall between bins"),
        ({"f_max_hz": 9000}, "<= 8000 fails"),
        ({"f_min_hz": 4000, "f_max_hz": 4000}, "f_min_hz=4000 <"),
        ({"kind": "mfcc", "n_mfcc": 41}, "n_mfcc=41 must not exceed n_mels=40"),
        ({"kind": "mfcc", "compress": "none"}, "not useful"),
        ({"kind": "spectral", "compress": "log"}, "leave compress out"),
        ({"kind": "spectral", "window_ms": 12}, "spectral needs 512 or more"),
        ({"kind": "raw", "compress": "log"}, "leave it out"),
        ({"kind": "raw", "deltas": 1}, "set deltas=0"),
        ({"kind": "raw", "norm": "causal"}, "no causal norm"),
    ],
)
def test_what_cannot_be_built_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FeatureConfig(**options)


def test_half_precision_context_does_not_reach_the_features() -> None:
    extractor, wav_BN = Extractor(FeatureConfig(), False), noise(1, RATE)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        feat_BFT = extractor(wav_BN)
    torch.testing.assert_close(feat_BFT, extractor(wav_BN), rtol=0, atol=0)


needs_torchaudio = pytest.mark.skipif(find_spec("torchaudio") is None, reason="the pretrained extra is not installed")


@needs_torchaudio
@pytest.mark.parametrize("samples", [3200, 16000, 20011])
@pytest.mark.parametrize(("window_ms", "n_fft"), [(25, None), (25, 400), (30, None), (23.0625, 400)], ids=str)
def test_equals_torchaudio(samples: int, window_ms: float, n_fft: int | None) -> None:
    from models.torchaudio_shim import torchaudio

    wav_BN = noise(1, samples)
    size: dict[str, Any] = {"window_ms": window_ms, "n_fft": n_fft, "f_min_hz": 50, "norm": "none", "n_mels": 32}
    mel = FeatureConfig(kind="melspec", compress="none", **size)
    frame = {"n_fft": mel.fft, "win_length": mel.window, "hop_length": mel.hop}
    bank = {"n_mels": 32, "f_min": 50.0}
    decibel, narrow = (torchaudio.transforms.AmplitudeToDB("power", top_db=top) for top in (80.0, 30.0))
    power = torchaudio.transforms.MelSpectrogram(RATE, **frame, **bank)(wav_BN)
    expected = {
        "spectrogram": torchaudio.transforms.Spectrogram(**frame)(wav_BN),
        "melspec": power,
        "db": decibel(power),
        "narrow": narrow(power),
        "log": torch.log(power + 1e-6),
        "mfcc": torchaudio.transforms.MFCC(RATE, n_mfcc=20, melkwargs={**frame, **bank})(wav_BN),
    }
    config = {
        "spectrogram": FeatureConfig(kind="spectrogram", compress="none", **size),
        "melspec": mel,
        "db": FeatureConfig(compress="db", **size),
        "narrow": FeatureConfig(compress="db", range_db=30, **size),
        "log": FeatureConfig(compress="log", **size),
        "mfcc": FeatureConfig(kind="mfcc", n_mfcc=20, **size),
    }
    for name, value in expected.items():
        got = Extractor(config[name], causal=False)(wav_BN)
        torch.testing.assert_close(got, value, rtol=1e-4, atol=2e-4 if name == "mfcc" else 1e-4, msg=name)


@needs_torchaudio
def test_deltas_and_preemphasis_equal_torchaudio() -> None:
    from models.torchaudio_shim import torchaudio

    wav_BN = noise(1, RATE)
    static_BFT = Extractor(FeatureConfig(), False)(torchaudio.functional.preemphasis(wav_BN, 0.97))
    first_BFT = torchaudio.functional.compute_deltas(static_BFT)
    expected = torch.cat([static_BFT, first_BFT, torchaudio.functional.compute_deltas(first_BFT)], 1)
    got = Extractor(FeatureConfig(preemphasis=0.97, deltas=2), False)(wav_BN)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


def test_range_below_the_peak_is_each_clips_own() -> None:
    extractor = Extractor(FeatureConfig(compress="db", norm="none"), False)
    feat_BFT = extractor(torch.cat([noise(1, RATE), 1e-3 * noise(1, RATE)]))
    span_B = feat_BFT.amax((1, 2)) - feat_BFT.amin((1, 2))
    torch.testing.assert_close(span_B[0], span_B[1], rtol=0, atol=1e-2)
