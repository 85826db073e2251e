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

import torch
from torch import Tensor, nn
from torch.export import Dim

from models.extract.base import Extractor, LiveExtractor
from models.streaming import state_specs
from sonant.export.onnx import MAX, ROWS, Axes, OnnxGraph, noise, trace
from sonant.export.onnx_sound import example, loops, samples, step_graph
from sonant.runtime.info import Role


def extract_graphs(model: Extractor) -> dict[Role, OnnxGraph]:
    """All graphs of an extraction network in evaluation mode."""
    assert not model.training, "export a network in evaluation mode"
    graphs: dict[Role, OnnxGraph] = {"enroll": _enroll_graph(model)}
    if not loops(model):
        graphs["model"] = _whole_graph(model)
    if isinstance(model, LiveExtractor):
        graphs["step"] = _step_graph(model)
    return graphs


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
    ref, ref_samples = {0: batch, 1: samples(model)}, {0: batch}
    wav_BR = noise(ROWS, example(model))
    samples_B = torch.tensor([wav_BR.shape[1] // (row + 1) for row in range(ROWS)])
    inputs: dict[str, Axes] = {"ref": ref, "ref_samples": ref_samples}
    traced = (wav_BR, samples_B)
    return trace("enroll.onnx", _Enroll(model).eval(), traced, inputs, {"voice": (0,)}, (ref, ref_samples))


def _whole_graph(model: Extractor) -> OnnxGraph:
    batch = Dim("batch", min=1, max=MAX)
    mix, voice = {0: batch, 1: samples(model)}, {0: batch}
    traced = (noise(ROWS, example(model)), noise(ROWS, model.voice_size))
    inputs: dict[str, Axes] = {"mix": mix, "voice": voice}
    return trace("model.onnx", _Whole(model).eval(), traced, inputs, _outputs(model), (mix, voice))


def _step_graph(model: LiveExtractor) -> OnnxGraph:
    names = [part.name for part in state_specs(model)]
    held = {"voice": noise(ROWS, model.voice_size)}
    return step_graph(model, _Step(model, names), tuple(_outputs(model)), held)


def _outputs(model: Extractor) -> dict[str, Axes]:
    """What a network gives, and the axes of it that vary."""
    told: dict[str, Axes] = {"wav": (0, 1)}
    return told | {"presence": (0, 1)} if tells_presence(model) else told


def tells_presence(model: Extractor) -> bool:
    """Whether a network tells if the wanted voice is there."""
    with torch.no_grad():
        return model.extract(noise(1, example(model)), noise(1, model.voice_size)).presence_BF is not None
