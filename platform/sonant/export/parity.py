"""Proof that a bundle computes what was trained: every graph against torch, streams against whole signals.

    model    torch on whole clips               against model.onnx, over batch sizes x lengths x kinds of sound
    clip     torch on a clip within the window  against the last live frame, or all of them when it is framewise: one
                                                graph was trained, it works live too
    stream   torch in steps                     against torch at once, for every way to cut the signal
    step     step.onnx in steps                 against torch at once, likewise, and for rows alone
    split    frontend.onnx then body.onnx       against torch on whole clips

torch is the network as it was trained, with the FFT; the graphs hold the convolution form. The error of a pair is its
largest absolute difference, relative to the largest reference logit where that is above 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from models.classify.base import Classifier
from models.streaming import Streaming, scan
from sonant.config.export import ExportConfig
from sonant.errors import BundleError
from sonant.export.onnx import MIN_S, OnnxGraph
from sonant.export.signals import KINDS, Floats, batch
from sonant.runtime.graph import Graph, StepGraph, initial_state
from sonant.runtime.info import Check, Role

Pair = tuple[Floats, Floats]

_CPU = ("CPUExecutionProvider",)
_BATCHES = (1, 2, 7)
_WINDOWS = 1.3
"""A streamed signal is this many windows long, so that the pooling window is filled and moves on."""


def prove(
    model: Classifier, graphs: Mapping[Role, OnnxGraph], config: ExportConfig, *, clip_s: float, window_s: float
) -> dict[str, Check]:
    """Measures every check that the graphs call for; whether the errors are small enough is the caller's to judge."""
    assert not model.training, "parity is proven in evaluation mode"
    rate_hz = model.sample_rate_hz
    onnx, stream = config.onnx_tolerance, config.stream_tolerance
    clips = list(_clips(clip_s, rate_hz))
    checks = {"model": _check("torch and model.onnx on clips", onnx, _whole(model, graphs["model"], clips))}
    if "step" in graphs:
        assert isinstance(model, Streaming), "only a network that streams has a step graph"
        wav_BN = batch(len(KINDS), _hops(model, _WINDOWS * window_s, rate_hz) * model.hop, rate_hz)
        short = batch(len(KINDS), _hops(model, 0.9 * min(clip_s, window_s), rate_hz) * model.hop, rate_hz)
        checks["clip"] = _check("a clip and its last live frame", stream, _clip(model, [short]))
        checks["stream"] = _check("torch in steps and at once", stream, _torch_steps(model, wav_BN))
        checks["step"] = _check("step.onnx and torch at once", onnx, _onnx_steps(model, graphs["step"], wav_BN))
    if "body" in graphs:
        split = _split(model, graphs["frontend"], graphs["body"], clips)
        checks["split"] = _check("torch and frontend.onnx, body.onnx", onnx, split)
    return checks


def chunkings(hops: int) -> dict[str, list[int]]:
    """Ways to cut so many hops: one at a time, two, a prime number, at random, and all at once."""
    rng = np.random.default_rng(hops)
    random: list[int] = []
    while sum(random) < hops:
        random.append(min(int(rng.integers(1, 12)), hops - sum(random)))
    even = {f"{size} hops": [size] * (hops // size) + [hops % size] * (hops % size > 0) for size in (1, 2, 7)}
    return even | {"random": random, "whole": [hops]}


def measured(what: str, tolerance: float, errors: Iterable[float]) -> Check:
    """The record of a check by the errors of its cases."""
    cases = list(errors)
    worst = max(cases)
    if not math.isfinite(worst):
        raise BundleError("bundle.unproven", f"{what}: the outputs are not finite, or differ in shape")
    return Check(what=what, cases=len(cases), error=worst, tolerance=tolerance)


def largest(actual: Floats, wanted: Floats, least: float = 1.0) -> float:
    """The largest difference, relative to the largest value that is wanted, or to `least` if that is more."""
    if actual.shape != wanted.shape or not np.isfinite(actual).all() or not np.isfinite(wanted).all():
        return math.inf
    return float(np.abs(actual.astype(np.float64) - wanted).max() / max(least, float(np.abs(wanted).max())))


def _check(what: str, tolerance: float, pairs: Iterable[Pair]) -> Check:
    return measured(what, tolerance, (largest(actual, wanted) for actual, wanted in pairs))


def _clips(clip_s: float, rate_hz: int) -> Iterator[Floats]:
    """Every kind of sound alone at the trained length, then batches at lengths that no example had."""
    for kind in range(len(KINDS)):
        yield batch(1, round(clip_s * rate_hz), rate_hz, first=kind)
    for rows in _BATCHES:
        for seconds in (MIN_S, 0.37 * clip_s, clip_s, 1.61 * clip_s):
            yield batch(rows, max(math.ceil(MIN_S * rate_hz), round(seconds * rate_hz)), rate_hz, first=rows)


def _whole(model: Classifier, graph: OnnxGraph, clips: Iterable[Floats]) -> Iterator[Pair]:
    session = Graph(graph.data, providers=_CPU)
    for wav_BN in clips:
        yield session.run({"wav": wav_BN})[0], _torch(model, wav_BN)


def _split(model: Classifier, frontend: OnnxGraph, body: OnnxGraph, clips: Iterable[Floats]) -> Iterator[Pair]:
    first, second = Graph(frontend.data, providers=_CPU), Graph(body.data, providers=_CPU)
    for wav_BN in clips:
        yield second.run({"features": first.run({"wav": wav_BN})[0]})[0], _torch(model, wav_BN)


def _clip(model: Classifier, clips: Iterable[Floats]) -> Iterator[Pair]:
    for wav_BN in clips:
        offline_BFK = _offline(model, wav_BN)
        yield _torch(model, wav_BN), offline_BFK if model.framewise else offline_BFK[:, -1]


def _torch_steps(model: Streaming, wav_BN: Floats) -> Iterator[Pair]:
    wanted_BFK = _offline(model, wav_BN)
    for cut in chunkings(wav_BN.shape[1] // model.hop).values():
        with torch.no_grad():
            logits_BFK, _ = scan(model, torch.from_numpy(wav_BN), [hops * model.hop for hops in cut])
        yield logits_BFK.numpy(), wanted_BFK


def _onnx_steps(model: Streaming, graph: OnnxGraph, wav_BN: Floats) -> Iterator[Pair]:
    wanted_BFK = _offline(model, wav_BN)
    session = StepGraph(graph.data, graph.info.state, providers=_CPU)
    cuts = chunkings(wav_BN.shape[1] // model.hop)
    for cut in cuts.values():
        yield _stream(session, wav_BN, [hops * model.hop for hops in cut]), wanted_BFK
    for row in range(len(wav_BN)):
        alone = slice(row, row + 1)
        yield _stream(session, wav_BN[alone], [hops * model.hop for hops in cuts["random"]]), wanted_BFK[alone]


def _stream(session: StepGraph, wav_BN: Floats, sizes: Iterable[int]) -> Floats:
    state = initial_state(session.state, len(wav_BN))
    frames: list[Floats] = []
    start = 0
    for size in sizes:
        logits_BFK, state = session.step(np.ascontiguousarray(wav_BN[:, start : start + size]), state)
        frames.append(logits_BFK)
        start += size
    return np.concatenate(frames, axis=1)


def _hops(model: Streaming, seconds: float, rate_hz: int) -> int:
    return max(1, int(seconds * rate_hz / model.hop))


def _torch(model: Classifier, wav_BN: Floats) -> Floats:
    with torch.no_grad():
        return cast(Tensor, model(torch.from_numpy(wav_BN))).numpy()


def _offline(model: Any, wav_BN: Floats) -> Floats:
    with torch.no_grad():
        return cast(Tensor, model.offline(torch.from_numpy(wav_BN))).numpy()
