"""From waveform to features, as a part of the network: training, export and serving cannot disagree.

    raw           [B, 1, N]           the wave itself
    spectrogram   [B, bins, T]        power
    melspec       [B, n_mels, T]
    mfcc          [B, n_mfcc, T]
    spectral      [B, 13, T]          pitch, zero crossings, level, centroid, contrast (7), flatness, roll-off

A chain of stages: pre-emphasis, power spectrum, mel bank, compression, normalisation, cosine transform, deltas.
In a causal extractor every stage with memory has init_state/step, so a stream gives what the whole signal gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from models.base import Section
from models.blocks.norm import CausalNorm, ClipMean, ClipPeak, ClipScale, Pcen
from models.frontend.beside import Beside, Centred, Past
from models.frontend.compress import ClipDecibel, Decibel, Log
from models.frontend.deltas import CausalDeltas, CentredDeltas
from models.frontend.level import Level
from models.frontend.mel import RowMap, dct_matrix, mel_bank
from models.frontend.spectral import MIN_FFT, Shape
from models.frontend.stft import TRANSFORMS, CausalSpectrum, CentredSpectrum, Dft, PreEmphasis
from models.frontend.yin import Yin
from models.streaming import Chain, State

Compress = Literal["log", "db", "pcen", "none"]
Norm = Literal["none", "peak", "clip", "clip_var", "causal"]

SPECTRAL_ROWS = 13


class FeatureConfig(Section):
    """How a network sees sound."""

    kind: Literal["raw", "spectrogram", "melspec", "mfcc", "spectral"] = "melspec"
    """What to extract. `raw` passes the wave on and uses only preemphasis and norm of what follows; `spectral` is 13
    numbers a frame (pitch by YIN, zero crossings, level, centroid, contrast, flatness, roll-off)."""
    sample_rate_hz: int = Field(default=16000, ge=4000, le=192000)
    """Samples per second that the network works at."""
    window_ms: float = Field(default=30.0, gt=0, le=1000)
    """Length of the Hann window."""
    hop_ms: float = Field(default=10.0, gt=0, le=500)
    """Time from frame to frame; shorter than the window."""
    n_fft: int | None = Field(default=None, ge=16, le=65536)
    """Length of the transform in samples; null: the next power of two that holds the window."""
    n_mels: int = Field(default=40, ge=2, le=512)
    """Mel filters."""
    n_mfcc: int = Field(default=40, ge=1, le=512)
    """Cepstral coefficients, the zeroth included; at most n_mels."""
    f_min_hz: float = Field(default=20.0, ge=0)
    """Lower edge of the lowest mel filter."""
    f_max_hz: float | None = Field(default=None, gt=0)
    """Upper edge of the highest mel filter; null: half the sample rate."""
    preemphasis: float = Field(default=0.0, ge=0, lt=1)
    """Weight of the sample before that is taken away; 0: off, 0.97: usual in speech."""
    compress: Compress | None = None
    """Compression of power: log (natural), db (10 log10), pcen (trained), none; null: db for mfcc, else log."""
    range_db: float = Field(default=80.0, gt=0, le=200)
    """With db, what lies further below the loudest cell of the clip is lifted to there; causal features keep all."""
    norm: Norm | None = None
    """Mean of each row taken away: none, over the clip (clip), the same and unit variance (clip_var), over the past
    (causal). With peak only the level goes: the clip's loudest cell becomes zero, and rows keep their balance. Null:
    clip, in a causal network causal; none for raw waves in a causal network, after pcen, and for spectral, whose rows
    have scales of their own."""
    norm_ms: float = Field(default=1000.0, gt=0)
    """Time constant of the causal norm."""
    pcen_ms: float = Field(default=400.0, gt=0)
    """Time constant of the smoother in pcen."""
    deltas: Literal[0, 1, 2] = 0
    """Slopes stacked under the rows: 0 none, 1 first order, 2 first and second order."""

    @property
    def window(self) -> int:
        """Window in samples."""
        return round(self.window_ms * self.sample_rate_hz / 1000)

    @property
    def hop(self) -> int:
        """Samples from frame to frame; a raw wave's frames are its samples."""
        return 1 if self.kind == "raw" else round(self.hop_ms * self.sample_rate_hz / 1000)

    @property
    def fft(self) -> int:
        """Transform length in samples."""
        return self.n_fft or 1 << (self.window - 1).bit_length()

    def compress_for(self) -> Compress:
        """The compression that is meant, with null resolved."""
        by_kind: dict[str, Compress] = {"raw": "none", "mfcc": "db", "spectral": "none"}
        return self.compress or by_kind.get(self.kind, "log")

    def norm_for(self, causal: bool) -> Norm:
        """The norm that is meant in a network of this kind; ValueError where it would have to look ahead."""
        if self.norm is None:
            if self.kind == "spectral" or self.compress_for() == "pcen" or (causal and self.kind == "raw"):
                return "none"
            return "causal" if causal else "clip"
        if causal and self.norm not in ("none", "causal"):
            raise ValueError(
                f"features.norm={self.norm} needs the whole clip, a causal network has only the past: "
                "use causal or none, or leave norm out"
            )
        return self.norm

    def bank(self) -> Tensor:
        """The mel filters, [n_mels, bins] in float64."""
        f_max_hz = self.f_max_hz or self.sample_rate_hz / 2
        return mel_bank(self.n_mels, self.fft, self.sample_rate_hz, self.f_min_hz, f_max_hz)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for wrong, message in _problems(self):
            if wrong:
                raise ValueError(message)
        return self


def _problems(c: FeatureConfig) -> Iterator[tuple[bool, str]]:
    """What cannot be built, checked in an order in which each check may rely on those before."""
    if c.kind == "raw":
        yield c.compress_for() != "none", f"compress={c.compress} needs power, a raw wave has none: leave it out"
        yield c.deltas > 0, "deltas of a raw wave mean nothing: set deltas=0"
        yield c.norm in ("causal", "peak"), f"a raw wave has no {c.norm} norm: use none, clip or clip_var"
        return
    yield not 0 < c.hop < c.window, f"hop_ms={c.hop_ms:g} must be shorter than window_ms={c.window_ms:g}"
    yield c.fft < c.window, f"n_fft={c.fft} is shorter than the window of {c.window} samples"
    if c.kind == "spectral":
        yield c.compress_for() != "none", "spectral rows are compressed as they are: leave compress out"
        yield c.fft < MIN_FFT, f"n_fft={c.fft} leaves low octaves without bins: spectral needs {MIN_FFT} or more"
    if c.kind in ("spectrogram", "spectral"):
        return
    nyquist = c.sample_rate_hz / 2
    f_max_hz = c.f_max_hz or nyquist
    yield not c.f_min_hz < f_max_hz <= nyquist, f"f_min_hz={c.f_min_hz:g} < f_max_hz={f_max_hz:g} <= {nyquist:g} fails"
    empty = int((c.bank().amax(1) <= 0).sum())
    yield empty > 0, f"{empty} of n_mels={c.n_mels} filters fall between bins: lower n_mels, or raise n_fft or f_min_hz"
    if c.kind == "mfcc":
        yield c.n_mfcc > c.n_mels, f"n_mfcc={c.n_mfcc} must not exceed n_mels={c.n_mels}"
        yield c.compress == "none", "mfcc of uncompressed power is not useful: use db, log or pcen"


class Channel(nn.Module):
    """[B, N] -> [B, 1, N]."""

    def forward(self, wav_BN: Tensor) -> Tensor:
        return wav_BN[:, None]


class Extractor(nn.Module):
    """Features of a wave: [B, N] float in [-1, 1] -> [B, rows, T].

    Not causal: frames are centred and the ends mirrored, T = 1 + N // hop (as torchaudio). Causal: frame t has seen
    the samples before (t + 1) * hop and no others, T = N // hop, and step() gives the same frames as they come in.
    """

    def __init__(self, config: FeatureConfig, causal: bool) -> None:
        super().__init__()
        self.config, self.causal = config, causal
        self.sample_rate_hz, self.hop = config.sample_rate_hz, config.hop
        self.rate = config.sample_rate_hz / config.hop
        """Frames per second."""
        self.stages, self.rows = _build(config, causal)

    def frames(self, samples: int) -> int:
        """How many frames so many samples give."""
        centred = not self.causal and self.config.kind != "raw"
        return samples // self.hop + centred

    def forward(self, wav_BN: Tensor) -> Tensor:
        """Features of whole clips: [B, N] -> [B, rows, T]."""
        if torch.is_autocast_enabled(wav_BN.device.type):
            # Half precision would round away quiet sounds next to loud ones.
            with torch.autocast(wav_BN.device.type, enabled=False):
                return self.stages(wav_BN.float())
        return self.stages(wav_BN)

    def init_state(self, rows: int) -> State:
        """What a stream remembers before its first sample."""
        assert self.causal, "only a causal extractor streams"
        return self.stages.init_state(rows)

    def step(self, chunk_BN: Tensor, state: State) -> tuple[Tensor, State]:
        """The frames of the next n * hop samples: [B, n * hop] -> [B, rows, n]."""
        assert self.causal, "only a causal extractor streams"
        return self.stages.step(chunk_BN, state)

    def switch_dft(self, dft: Dft) -> None:
        """Chooses how the spectrum is computed: fft to train, conv to export. The values are the same."""
        for stage in list(self.stages.modules()):
            if isinstance(stage, CentredSpectrum | CausalSpectrum):
                device = next(stage.transform.buffers()).device
                stage.transform = TRANSFORMS[dft](*stage.size).to(device)


def _build(config: FeatureConfig, causal: bool) -> tuple[Chain, int]:
    """The stages of an extractor in order, and how many rows come out."""
    stages: dict[str, nn.Module] = {}
    rows = 1
    if config.preemphasis:
        stages["preemphasis"] = PreEmphasis(config.preemphasis)
    if config.kind == "raw":
        stages["channel"] = Channel()
    elif config.kind == "spectral":
        stages["spectral"], rows = _spectral(config, causal), SPECTRAL_ROWS
    else:
        spectrum = CausalSpectrum if causal else CentredSpectrum
        stages["spectrum"] = spectrum(config.window, config.hop, config.fft)
        rows = config.fft // 2 + 1
    if config.kind in ("melspec", "mfcc"):
        stages["mel"] = RowMap(config.bank())
        rows = config.n_mels
    stages |= _compress(config, causal, rows)
    # The mean goes before the cosine transform: linear, so the same thing, but on smaller numbers with less rounding.
    stages |= _norm(config, causal, rows)
    if config.kind == "mfcc":
        stages["dct"] = RowMap(dct_matrix(config.n_mfcc, config.n_mels))
        rows = config.n_mfcc
    if config.norm_for(causal) == "clip_var":
        stages["scale"] = ClipScale()
    if config.deltas:
        stages["deltas"] = CausalDeltas(rows, config.deltas) if causal else CentredDeltas(config.deltas)
    chain = Chain()
    for name, stage in stages.items():
        chain.add_module(name, stage)
    return chain, rows * (1 + config.deltas)


def _spectral(config: FeatureConfig, causal: bool) -> Beside:
    """The rows of `spectral`: pitch, zero crossings, level, shape of the spectrum."""
    rate_hz, hop, window = config.sample_rate_hz, config.hop, config.window

    def framed(inner: Yin | Level) -> nn.Module:
        return Past(inner, inner.length, hop) if causal else Centred(inner, inner.length)

    spectrum = CausalSpectrum if causal else CentredSpectrum
    shape = Chain(spectrum(window, hop, config.fft), Shape(rate_hz, config.fft))
    pitch, level = (framed(inner(rate_hz, hop, window)) for inner in (Yin, Level))
    return Beside({"pitch": pitch, "level": level, "shape": shape})


def _frames(ms: float, config: FeatureConfig) -> float:
    return ms * config.sample_rate_hz / 1000 / config.hop


def _compress(config: FeatureConfig, causal: bool, rows: int) -> dict[str, nn.Module]:
    match config.compress_for():
        case "log":
            return {"log": Log()}
        case "db":
            return {"db": Decibel() if causal else ClipDecibel(config.range_db)}
        case "pcen":
            return {"pcen": Pcen(rows, _frames(config.pcen_ms, config))}
        case "none":
            return {}


def _norm(config: FeatureConfig, causal: bool, rows: int) -> dict[str, nn.Module]:
    match config.norm_for(causal):
        case "none":
            return {}
        case "causal":
            return {"norm": CausalNorm(rows, _frames(config.norm_ms, config))}
        case "peak":
            return {"norm": ClipPeak()}
        case "clip" | "clip_var":
            return {"norm": ClipMean()}
