"""How long things take here: percentiles, and the share of real time that they need."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from models.classify.base import Classifier, LiveClassifier
from models.enhance.base import Enhancer
from models.extract.base import Extractor
from sonant.runtime.graph import Array, Graph


@dataclass(frozen=True)
class Latency:
    """Times of repeated runs over the same amount of audio."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    audio_ms: float
    """Length of the audio in each run."""
    runs: int

    @property
    def real_time_factor(self) -> float:
        """Median time by the length of the audio: below 1 keeps up with live sound."""
        return self.p50_ms / self.audio_ms


def of_call(call: Callable[[], object], *, audio_s: float, runs: int = 50, warmup: int = 5) -> Latency:
    """Times a call that handles `audio_s` seconds of audio; the first `warmup` runs do not count."""
    times_ns = np.empty(warmup + runs)
    for index in range(warmup + runs):
        start_ns = time.perf_counter_ns()
        call()
        times_ns[index] = time.perf_counter_ns() - start_ns
    p50_ms, p95_ms, p99_ms = np.percentile(times_ns[warmup:] / 1e6, (50, 95, 99))
    return Latency(float(p50_ms), float(p95_ms), float(p99_ms), 1000 * audio_s, runs)


def of_model(
    model: Classifier | Extractor | Enhancer, seconds: float = 1.0, *, runs: int = 50, warmup: int = 5
) -> Latency:
    """A torch network on whole clips, or on sound of one second, with the wanted voice known already."""
    if isinstance(model, Classifier):
        return of_clip(model, seconds, runs=runs, warmup=warmup)
    mix_BN = _noise(1, model.sample_rate_hz)
    if isinstance(model, Enhancer):
        with torch.inference_mode():
            return of_call(lambda: model(mix_BN), audio_s=1.0, runs=runs, warmup=warmup)
    voice_BE = torch.zeros(1, model.voice_size)
    with torch.inference_mode():
        return of_call(lambda: model.extract(mix_BN, voice_BE), audio_s=1.0, runs=runs, warmup=warmup)


def of_clip(model: Classifier, seconds: float = 1.0, *, rows: int = 1, runs: int = 50, warmup: int = 5) -> Latency:
    """A torch network on whole clips, `rows` at a time."""
    wav_BN = _noise(rows, round(seconds * model.sample_rate_hz))
    with torch.inference_mode():
        return of_call(lambda: model(wav_BN), audio_s=seconds, runs=runs, warmup=warmup)


def of_stream(model: LiveClassifier, hops: int = 1, *, rows: int = 1, runs: int = 50, warmup: int = 5) -> Latency:
    """A torch network that steps `rows` streams by `hops` hops."""
    chunk_BN, state = _noise(rows, hops * model.hop), model.init_state(rows)
    audio_s = chunk_BN.shape[1] / model.sample_rate_hz
    with torch.inference_mode():
        return of_call(lambda: model.step(chunk_BN, state), audio_s=audio_s, runs=runs, warmup=warmup)


def of_graph(graph: Graph, feeds: Mapping[str, Array], *, audio_s: float, runs: int = 50, warmup: int = 5) -> Latency:
    """An ONNX graph on fixed inputs: a clip, or a chunk with its state."""
    return of_call(lambda: graph.run(feeds), audio_s=audio_s, runs=runs, warmup=warmup)


def _noise(rows: int, samples: int) -> torch.Tensor:
    return 0.1 * torch.randn(rows, samples, generator=torch.Generator().manual_seed(0))
