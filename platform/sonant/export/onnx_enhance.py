"""The graphs of an enhancement network.

    model.onnx      noisy [batch, samples]                           -> wav [batch, samples]
    step.onnx       chunk [rows, hop * hops], in.<state>             -> wav, out.<state>

Samples are a multiple of `grain`; whoever runs a graph fills up with silence. A network that is a loop over hops has a
step graph of one hop, and no model graph.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.export import Dim

from models.enhance.base import Enhancer, LiveEnhancer
from models.streaming import state_specs
from sonant.export.onnx import MAX, ROWS, OnnxGraph, noise, trace
from sonant.export.onnx_sound import example, loops, samples, step_graph
from sonant.runtime.info import Role


def enhance_graphs(model: Enhancer) -> dict[Role, OnnxGraph]:
    """All graphs of an enhancement network in evaluation mode."""
    assert not model.training, "export a network in evaluation mode"
    graphs: dict[Role, OnnxGraph] = {}
    if not loops(model):
        graphs["model"] = _whole_graph(model)
    if isinstance(model, LiveEnhancer):
        names = [part.name for part in state_specs(model)]
        graphs["step"] = step_graph(model, _Step(model, names), ("wav",))
    return graphs


class _Step(nn.Module):
    """A step with its state as a list: graphs know positions, not dictionaries."""

    def __init__(self, model: LiveEnhancer, names: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.names = tuple(names)

    def forward(self, chunk_BN: Tensor, state: list[Tensor]) -> list[Tensor]:
        wav_BN, after = self.model.step(chunk_BN, dict(zip(self.names, state, strict=True)))
        return [wav_BN, *(after[name] for name in self.names)]


def _whole_graph(model: Enhancer) -> OnnxGraph:
    noisy = {0: Dim("batch", min=1, max=MAX), 1: samples(model)}
    return trace("model.onnx", model, (noise(ROWS, example(model)),), {"noisy": noisy}, {"wav": (0, 1)}, (noisy,))
