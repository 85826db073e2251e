"""Proof that the graphs of a network whose answer is sound compute what was trained.

    model     torch on whole recordings          against model.onnx, over batch sizes x lengths x kinds of sound
    clip      torch on a whole recording         against its live samples and the rest of its stream
    stream    torch in steps                     against torch at once, for every way to cut the signal
    step      step.onnx in steps                 against torch at once, likewise, and for rows alone

The error of a pair is its largest difference, relative to the largest value of the reference; where that is nearly
silent, to QUIET. What stands beside the wave is compared as logits are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.extract.base import Extraction, Live
from models.streaming import State
from sonant.config.export import ExportConfig
from sonant.export.onnx import OnnxGraph
from sonant.export.onnx_sound import AnySound, LiveSound, grain
from sonant.export.parity import chunkings, largest, measured
from sonant.export.signals import KINDS, Floats, batch
from sonant.runtime.graph import Graph, StepGraph, initial_state
from sonant.runtime.info import Check, Role

Parts = tuple[Floats, ...]
"""The wave, and what a network tells beside it."""

QUIET = 1e-3
"""An answer whose samples are all below 60 dB under full scale is compared as if it came up to that."""
CPU = ("CPUExecutionProvider",)
_BATCHES = (1, 2, 7)
_STREAM_S = 1.5
"""Length of what is streamed; more where a network's hop and delay are long."""


@dataclass(frozen=True)
class Subject:
    """A network and what its graphs are fed with."""

    model: AnySound
    whole: Callable[..., Tensor | Extraction]
    """(wav_BN, *held) -> what it gives for whole recordings."""
    name: str
    """Of the wave that goes into model.onnx."""
    seconds: float
    """Length of what it was trained on."""
    held: Callable[[int], dict[str, Tensor]]
    """So many rows -> what every call is told again, by its name in the graphs."""
    what: str = "recordings"


def prove_sound(subject: Subject, graphs: Mapping[Role, OnnxGraph], config: ExportConfig) -> dict[str, Check]:
    """Every check that model.onnx and step.onnx call for, where they are."""
    onnx, live, model = config.onnx_tolerance, config.stream_tolerance, subject.model
    checks: dict[str, Check] = {}
    if "model" in graphs:
        checks["model"] = measured(f"torch and model.onnx on {subject.what}", onnx, _whole(subject, graphs["model"]))
    if "step" in graphs:
        assert isinstance(model, LiveSound), "only a network that streams has a step graph"
        hops = max(8, int(_STREAM_S * model.sample_rate_hz / model.hop))
        wav_BN = torch.from_numpy(batch(len(KINDS), hops * model.hop, model.sample_rate_hz))
        held = subject.held(len(KINDS))
        checks["clip"] = measured("a whole and its stream", live, _clip(model, subject.whole, wav_BN, held))
        checks["stream"] = measured("torch in steps and at once", live, _torch_steps(model, wav_BN, held))
        steps = _onnx_steps(model, graphs["step"], wav_BN, held)
        checks["step"] = measured("step.onnx and torch at once", onnx, steps)
    return checks


def waves(model: AnySound, seconds: float) -> Iterator[Floats]:
    """Every kind of sound alone at the trained length, then batches at lengths that no example had."""
    rate_hz, whole = model.sample_rate_hz, grain(model)
    for kind in range(len(KINDS)):
        yield batch(1, multiple(seconds * rate_hz, whole), rate_hz, first=kind)
    for rows in _BATCHES:
        for samples in (whole, 0.37 * seconds * rate_hz, 1.61 * seconds * rate_hz):
            yield batch(rows, multiple(samples, whole), rate_hz, first=rows)


def multiple(samples: float, whole: int) -> int:
    """The nearest multiple that is one."""
    return max(1, round(samples / whole)) * whole


def _whole(subject: Subject, graph: OnnxGraph) -> Iterator[float]:
    session = Graph(graph.data, providers=CPU)
    for wav_BN in waves(subject.model, subject.seconds):
        held = subject.held(len(wav_BN))
        given = session.run({subject.name: wav_BN} | _arrays(held))
        with torch.no_grad():
            wanted = subject.whole(torch.from_numpy(wav_BN), *held.values())
        yield _error(tuple(given), _parts(wanted))


def _clip(model: LiveSound, whole: Callable[..., Any], wav_BN: Tensor, held: Mapping[str, Tensor]) -> Iterator[float]:
    """Also of streams that end before a window is full."""
    told = tuple(held.values())
    for hops in {1, 2, 5, wav_BN.shape[1] // model.hop}:
        part_BN = wav_BN[:, : hops * model.hop]
        with torch.no_grad():
            (live_BN, *beside), state = _torch_stream(model, part_BN, told, [part_BN.shape[1]])
            rest_BN = model.flush(state, *told).numpy()
            wanted = whole(part_BN, *told)
        yield _error((np.concatenate([live_BN, rest_BN], 1)[:, model.latency :], *beside), _parts(wanted))


def _torch_steps(model: LiveSound, wav_BN: Tensor, held: Mapping[str, Tensor]) -> Iterator[float]:
    wanted, told = _offline(model, wav_BN, held), tuple(held.values())
    for cut in chunkings(wav_BN.shape[1] // model.hop).values():
        with torch.no_grad():
            given, _ = _torch_stream(model, wav_BN, told, [hops * model.hop for hops in cut])
        yield _error(given, wanted)


def _torch_stream(model: LiveSound, wav_BN: Tensor, told: tuple[Tensor, ...], chunks: list[int]) -> tuple[Parts, State]:
    state, outputs = model.init_state(wav_BN.shape[0]), list[Parts]()
    for chunk_BN in wav_BN.split(chunks, dim=1):
        given, state = model.step(chunk_BN, state, *told)
        outputs.append(_parts(given))
    return tuple(np.concatenate(parts, axis=1) for parts in zip(*outputs, strict=True)), state


def _onnx_steps(model: LiveSound, graph: OnnxGraph, wav_BN: Tensor, held: Mapping[str, Tensor]) -> Iterator[float]:
    wanted, arrays = _offline(model, wav_BN, held), _arrays(held)
    session = StepGraph(graph.data, graph.info.state, providers=CPU)
    hops = wav_BN.shape[1] // model.hop
    cuts = {"1 hops": [1] * hops} if model.one_hop else chunkings(hops)
    for cut in cuts.values():
        yield _error(_stream(session, wav_BN.numpy(), arrays, [count * model.hop for count in cut]), wanted)
    sizes = [count * model.hop for count in cuts.get("random", cuts["1 hops"])]
    for row in range(len(wav_BN)):
        alone = slice(row, row + 1)
        told = {name: value[alone] for name, value in arrays.items()}
        given = _stream(session, wav_BN[alone].numpy(), told, sizes)
        yield _error(given, tuple(part[alone] for part in wanted))


def _stream(session: StepGraph, wav_BN: Floats, held: Mapping[str, Floats], sizes: Iterable[int]) -> Parts:
    state = initial_state(session.state, len(wav_BN))
    outputs: list[list[Floats]] = []
    for start, end in pairwise(np.cumsum([0, *sizes]).tolist()):
        given, state = session.advance({"chunk": np.ascontiguousarray(wav_BN[:, start:end]), **held}, state)
        outputs.append(given)
    return tuple(np.concatenate(parts, axis=1) for parts in zip(*outputs, strict=True))


def _offline(model: LiveSound, wav_BN: Tensor, held: Mapping[str, Tensor]) -> Parts:
    with torch.no_grad():
        return _parts(model.offline(wav_BN, *held.values()))


def _arrays(held: Mapping[str, Tensor]) -> dict[str, Floats]:
    return {name: value.numpy() for name, value in held.items()}


def _parts(given: Tensor | Extraction | Live) -> Parts:
    if isinstance(given, Tensor):
        return (given.numpy(),)
    return (given.wav_BN.numpy(), *([] if given.presence_BF is None else [given.presence_BF.numpy()]))


def _error(given: Parts, wanted: Parts) -> float:
    scales = (QUIET, 1.0)[: len(wanted)]
    return max(largest(*each) for each in zip(given, wanted, scales, strict=True))
