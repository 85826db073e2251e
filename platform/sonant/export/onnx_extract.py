"""The graphs of an extraction network.

    enroll.onnx     ref [batch, samples], ref_samples [batch]                      -> voice [batch, E]
    model.onnx      mix [batch, samples], voice [batch, E]                         -> wav [batch, samples], presence
    step.onnx       chunk [rows, hop * hops], voice [rows, E], in.<state>          -> wav, presence, out.<state>

`presence` [batch, hops] is there where the network tells it. Samples are a multiple of `grain`;
whoever runs a graph fills up with silence. A network that is a loop over hops has a step graph of one hop, and no
model graph: the step does all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from models.extract.base import Extractor, LiveExtractor
from models.extract.segmented import Segmented
from sonant.export.onnx import FRAMES, MAX, ROWS, Axes, OnnxGraph, noise, state_infos, trace, with_state
from sonant.runtime.info import Role

_MOST = 1 << 24
"""Most hops of one call."""
_SAMPLES = 4037
"""Of an example without hops."""


def extract_graphs(model: Extractor) -> dict[Role, OnnxGraph]:
    """All graphs of an extraction network in evaluation mode."""
    assert not model.training, "export a network in evaluation mode"
    graphs: dict[Role, OnnxGraph] = {"enroll": _enroll_graph(model)}
    if not _loops(model):
        graphs["model"] = _whole_graph(model)
    if isinstance(model, LiveExtractor):
        graphs["step"] = _step_graph(model)
    return graphs


def grain(model: Extractor) -> int:
    """Samples that every wave in a graph is a multiple of."""
    return model.hop if isinstance(model, LiveExtractor) and not isinstance(model, Segmented) else 1


def _loops(model: Extractor) -> bool:
    """A loop over hops would stand in a graph as often as the example has hops."""
    return isinstance(model, LiveExtractor) and model.one_hop


class _Enroll(nn.Module):
    def __init__(self, model: Extractor) -> None:
        super().__init__()
        self.model = model

    def forward(self, ref_BR: Tensor, ref_samples_B: Tensor) -> Tensor:
        return self.model.enroll(ref_BR, ref_samples_B)


class _Whole(nn.Module):
    def __init__(self, model: Extractor) -> None:
        super().__init__()
        self.model = model

    def forward(self, mix_BN: Tensor, voice_BE: Tensor) -> list[Tensor]:
        given = self.model.extract(mix_BN, voice_BE)
        return [given.wav_BN] if given.presence_BF is None else [given.wav_BN, given.presence_BF]


class _Step(nn.Module):
    """A step with its state as a list: graphs know positions, not dictionaries."""

    def __init__(self, model: LiveExtractor, names: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.names = tuple(names)

    def forward(self, chunk_BN: Tensor, voice_BE: Tensor, state: list[Tensor]) -> list[Tensor]:
        live, after = self.model.step(chunk_BN, dict(zip(self.names, state, strict=True)), voice_BE)
        given = [live.wav_BN] if live.presence_BF is None else [live.wav_BN, live.presence_BF]
        return [*given, *(after[name] for name in self.names)]


def _enroll_graph(model: Extractor) -> OnnxGraph:
    batch = Dim("batch", min=1, max=MAX)
    ref, ref_samples = {0: batch, 1: _samples(model)}, {0: batch}
    wav_BR = noise(ROWS, _example(model))
    samples_B = torch.tensor([wav_BR.shape[1] // (row + 1) for row in range(ROWS)])
    inputs: dict[str, Axes] = {"ref": ref, "ref_samples": ref_samples}
    example = (wav_BR, samples_B)
    return trace("enroll.onnx", _Enroll(model).eval(), example, inputs, {"voice": (0,)}, (ref, ref_samples))


def _whole_graph(model: Extractor) -> OnnxGraph:
    batch = Dim("batch", min=1, max=MAX)
    mix, voice = {0: batch, 1: _samples(model)}, {0: batch}
    example = (noise(ROWS, _example(model)), noise(ROWS, model.voice_size))
    inputs: dict[str, Axes] = {"mix": mix, "voice": voice}
    return trace("model.onnx", _Whole(model).eval(), example, inputs, _outputs(model), (mix, voice))


def _step_graph(model: LiveExtractor) -> OnnxGraph:
    state = state_infos(model)
    names = [part.name for part in state]
    rows = Dim("rows", min=1, max=MAX)
    hops = 1 if model.one_hop else FRAMES
    chunk: dict[int, Any] = {0: rows} if model.one_hop else {0: rows, 1: model.hop * Dim("hops", min=1, max=MAX)}
    start = model.init_state(ROWS)
    graph = trace(
        "step.onnx",
        _Step(model, names).eval(),
        (noise(ROWS, hops * model.hop), noise(ROWS, model.voice_size), [start[name] for name in names]),
        {"chunk": chunk, "voice": (0,)} | {f"in.{name}": (0,) for name in names},
        _outputs(model, (0,) if model.one_hop else (0, 1)) | {f"out.{name}": (0,) for name in names},
        (chunk, {0: rows}, [{0: rows} for _ in names]),
    )
    return with_state(graph, state)


def _outputs(model: Extractor, axes: Axes = (0, 1)) -> dict[str, Axes]:
    """What a network gives, and the axes of it that vary."""
    told: dict[str, Axes] = {"wav": axes}
    return told | {"presence": axes} if tells_presence(model) else told


def tells_presence(model: Extractor) -> bool:
    """Whether a network tells if the wanted voice is there."""
    with torch.no_grad():
        return model.extract(noise(1, _example(model)), noise(1, model.voice_size)).presence_BF is not None


def _samples(model: Extractor) -> Any:
    if grain(model) == 1:
        return Dim("samples", min=1, max=1 << 30)
    return grain(model) * Dim("hops", min=1, max=_MOST)


def _example(model: Extractor) -> int:
    return -(-_SAMPLES // grain(model)) * grain(model)
