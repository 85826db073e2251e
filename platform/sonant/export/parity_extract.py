"""Proof that the bundle of an extractor computes what was trained.

    enroll    torch on references                against enroll.onnx, over batch sizes x lengths x kinds of sound
    padding   enroll.onnx on padded references   against each reference alone, whatever the padding holds
    model     torch on whole mixtures            against model.onnx, likewise
    clip      torch on a whole mixture           against its live samples and the rest of its stream
    stream    torch in steps                     against torch at once, for every way to cut the signal
    step      step.onnx in steps                 against torch at once, likewise, and for rows alone

The error of a pair is its largest difference, relative to the largest value of the reference; where that is nearly
silent, to QUIET. Presence is compared as logits are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from models.extract.base import Extractor, LiveExtractor, stream
from sonant.config.export import ExportConfig
from sonant.export.onnx import OnnxGraph
from sonant.export.onnx_extract import grain
from sonant.export.parity import chunkings, largest, measured
from sonant.export.signals import KINDS, Floats, batch
from sonant.runtime.graph import Graph, StepGraph, initial_state
from sonant.runtime.info import Check, Role

Parts = tuple[Floats, ...]
"""The wave, and the presence where a network tells it."""

QUIET = 1e-3
"""An answer whose samples are all below 60 dB under full scale is compared as if it came up to that."""
_CPU = ("CPUExecutionProvider",)
_BATCHES = (1, 2, 7)
_STREAM_S = 1.5
"""Length of what is streamed; more where a network's hop and delay are long."""


def prove(
    model: Extractor, graphs: Mapping[Role, OnnxGraph], config: ExportConfig, *, mix_s: float, reference_s: float
) -> dict[str, Check]:
    """Measures every check that the graphs call for; whether the errors are small enough is the caller's to judge."""
    assert not model.training, "parity is proven in evaluation mode"
    onnx, live = config.onnx_tolerance, config.stream_tolerance
    checks = {
        "enroll": measured("torch and enroll.onnx on references", onnx, _enroll(model, graphs["enroll"], reference_s)),
        "padding": measured(
            "enroll.onnx on padded references and alone", onnx, _padding(model, graphs["enroll"], reference_s)
        ),
    }
    if "model" in graphs:
        checks["model"] = measured(
            "torch and model.onnx on mixtures", onnx, _whole(model, graphs["model"], mix_s, reference_s)
        )
    if "step" in graphs:
        assert isinstance(model, LiveExtractor), "only a network that streams has a step graph"
        hops = max(8, int(_STREAM_S * model.sample_rate_hz / model.hop))
        mix_BN = _wave(batch(len(KINDS), hops * model.hop, model.sample_rate_hz))
        voice_BE = _voices(model, len(KINDS), reference_s)
        checks["clip"] = measured("a mixture and its stream", live, _clip(model, mix_BN, voice_BE))
        checks["stream"] = measured("torch in steps and at once", live, _torch_steps(model, mix_BN, voice_BE))
        checks["step"] = measured(
            "step.onnx and torch at once", onnx, _onnx_steps(model, graphs["step"], mix_BN, voice_BE)
        )
    return checks


def _enroll(model: Extractor, graph: OnnxGraph, seconds: float) -> Iterator[float]:
    session = Graph(graph.data, providers=_CPU)
    for ref_BR in _waves(model, seconds):
        samples_B = _lengths(ref_BR)
        voice_BE = session.run({"ref": ref_BR, "ref_samples": samples_B})[0]
        with torch.no_grad():
            wanted_BE = model.enroll(torch.from_numpy(ref_BR), torch.from_numpy(samples_B))
        yield largest(voice_BE, wanted_BE.numpy(), QUIET)


def _padding(model: Extractor, graph: OnnxGraph, seconds: float) -> Iterator[float]:
    session = Graph(graph.data, providers=_CPU)
    for ref_BR in _waves(model, seconds):
        samples_B = _lengths(ref_BR)
        noisy_BR = np.pad(ref_BR, ((0, 0), (0, 50 * grain(model))), constant_values=0.5)
        together_BE = session.run({"ref": noisy_BR, "ref_samples": samples_B})[0]
        for row, samples in enumerate(samples_B.tolist()):
            alone_1R = ref_BR[row : row + 1, : -(-samples // grain(model)) * grain(model)]
            alone_1E = session.run({"ref": alone_1R, "ref_samples": samples_B[row : row + 1]})[0]
            yield largest(together_BE[row : row + 1], alone_1E, QUIET)


def _whole(model: Extractor, graph: OnnxGraph, mix_s: float, reference_s: float) -> Iterator[float]:
    session = Graph(graph.data, providers=_CPU)
    for mix_BN in _waves(model, mix_s):
        voice_BE = _voices(model, len(mix_BN), reference_s)
        given = tuple(session.run({"mix": mix_BN, "voice": voice_BE.numpy()}))
        with torch.no_grad():
            wanted = model.extract(torch.from_numpy(mix_BN), voice_BE)
        yield _error(given, _parts(wanted.wav_BN, wanted.presence_BF))


def _clip(model: LiveExtractor, mix_BN: Tensor, voice_BE: Tensor) -> Iterator[float]:
    """Also of streams that end before a window is full."""
    for hops in {1, 2, 5, mix_BN.shape[1] // model.hop}:
        part_BN = mix_BN[:, : hops * model.hop]
        with torch.no_grad():
            live, state = stream(model, part_BN, voice_BE, [part_BN.shape[1]])
            joined_BN = torch.cat([live.wav_BN, model.flush(state, voice_BE)], 1)[:, model.latency :]
            whole = model.extract(part_BN, voice_BE)
        yield _error(_parts(joined_BN, live.presence_BF), _parts(whole.wav_BN, whole.presence_BF))


def _torch_steps(model: LiveExtractor, mix_BN: Tensor, voice_BE: Tensor) -> Iterator[float]:
    wanted = _offline(model, mix_BN, voice_BE)
    for cut in chunkings(mix_BN.shape[1] // model.hop).values():
        with torch.no_grad():
            live, _ = stream(model, mix_BN, voice_BE, [hops * model.hop for hops in cut])
        yield _error(_parts(live.wav_BN, live.presence_BF), wanted)


def _onnx_steps(model: LiveExtractor, graph: OnnxGraph, mix_BN: Tensor, voice_BE: Tensor) -> Iterator[float]:
    wanted = _offline(model, mix_BN, voice_BE)
    session = StepGraph(graph.data, graph.info.state, providers=_CPU)
    hops = mix_BN.shape[1] // model.hop
    cuts = {"1 hops": [1] * hops} if model.one_hop else chunkings(hops)
    for cut in cuts.values():
        sizes = [count * model.hop for count in cut]
        yield _error(_stream(session, mix_BN.numpy(), voice_BE.numpy(), sizes), wanted)
    sizes = [count * model.hop for count in cuts.get("random", cuts["1 hops"])]
    for row in range(len(mix_BN)):
        alone = slice(row, row + 1)
        given = _stream(session, mix_BN[alone].numpy(), voice_BE[alone].numpy(), sizes)
        yield _error(given, tuple(part[alone] for part in wanted))


def _stream(session: StepGraph, mix_BN: Floats, voice_BE: Floats, sizes: Iterable[int]) -> Parts:
    state = initial_state(session.state, len(mix_BN))
    outputs: list[list[Floats]] = []
    for start, end in pairwise(np.cumsum([0, *sizes]).tolist()):
        chunk_BN = np.ascontiguousarray(mix_BN[:, start:end])
        given, state = session.advance({"chunk": chunk_BN, "voice": voice_BE}, state)
        outputs.append(given)
    return tuple(np.concatenate(parts, axis=1) for parts in zip(*outputs, strict=True))


def _offline(model: LiveExtractor, mix_BN: Tensor, voice_BE: Tensor) -> Parts:
    with torch.no_grad():
        live = model.offline(mix_BN, voice_BE)
    return _parts(live.wav_BN, live.presence_BF)


def _waves(model: Extractor, seconds: float) -> Iterator[Floats]:
    """Every kind of sound alone at the trained length, then batches at lengths that no example had."""
    rate_hz, whole = model.sample_rate_hz, grain(model)
    for kind in range(len(KINDS)):
        yield batch(1, _multiple(seconds * rate_hz, whole), rate_hz, first=kind)
    for rows in _BATCHES:
        for samples in (whole, 0.37 * seconds * rate_hz, 1.61 * seconds * rate_hz):
            yield batch(rows, _multiple(samples, whole), rate_hz, first=rows)


def _multiple(samples: float, whole: int) -> int:
    return max(1, round(samples / whole)) * whole


def _lengths(ref_BR: Floats) -> np.ndarray:
    """Of references: the whole, and less and less of it down to a sample."""
    rows, samples = ref_BR.shape
    return np.array([samples, *np.linspace(samples, 1, rows)[1:].round()][:rows], np.int64)


def _voices(model: Extractor, rows: int, seconds: float) -> Tensor:
    wav_BR = batch(rows, _multiple(seconds * model.sample_rate_hz, grain(model)), model.sample_rate_hz, first=1)
    with torch.no_grad():
        return model.enroll(_wave(wav_BR))


def _wave(wav_BN: Floats) -> Tensor:
    return torch.from_numpy(wav_BN)


def _parts(wav_BN: Tensor, presence_BF: Tensor | None) -> Parts:
    return (wav_BN.numpy(),) if presence_BF is None else (wav_BN.numpy(), presence_BF.numpy())


def _error(given: Parts, wanted: Parts) -> float:
    scales = (QUIET, 1.0)[: len(wanted)]
    return max(largest(*each) for each in zip(given, wanted, scales, strict=True))
