"""Graphs have the names, the free sizes and the state that servers rely on; a frozen size is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from sonant.errors import BundleError
from sonant.export import onnx as export_onnx
from sonant.export.onnx import initial_fills
from sonant.runtime.engine import Engine
from sonant.runtime.info import TensorInfo

if TYPE_CHECKING:
    from sonant.export.export import Trained


def shapes(tensors: tuple[TensorInfo, ...]) -> dict[str, tuple[int | str, ...]]:
    return {tensor.name: tensor.shape for tensor in tensors}


def test_inputs_and_outputs_have_names_and_free_sizes(engine: Engine) -> None:
    graphs = engine.info.graphs
    assert shapes(graphs["model"].inputs) == {"wav": ("batch", "samples")}
    assert shapes(graphs["model"].outputs) == {"logits": ("batch", 3)}
    step = shapes(graphs["step"].inputs)
    assert step["chunk"] == ("rows", "80*frames")
    assert step["in.features.spectrum.tail"] == ("rows", 48)
    logits = shapes(graphs["step"].outputs)["logits"]
    assert logits[0] == "rows"
    assert isinstance(logits[1], str)
    assert logits[2] == 3
    assert list(shapes(graphs["frontend"].inputs)) == ["wav"]
    assert list(shapes(graphs["body"].inputs)) == ["features"]


def test_state_goes_round(engine: Engine) -> None:
    step = engine.info.graphs["step"]
    names = [part.name for part in step.state]
    assert [tensor.name for tensor in step.inputs[1:]] == [f"in.{name}" for name in names]
    assert [tensor.name for tensor in step.outputs[1:]] == [f"out.{name}" for name in names]
    for part, before, after in zip(step.state, step.inputs[1:], step.outputs[1:], strict=True):
        assert before.shape[1:] == after.shape[1:] == part.shape
        assert before.dtype == after.dtype == part.dtype


def test_graphs_tell_nothing_about_the_machine(engine: Engine) -> None:
    for graph in engine.info.graphs.values():
        data = engine.bundle.read(graph.file)
        for word in (b"stack_trace", b"/home/", b"site-packages", b"/work/", b".py"):
            assert word not in data, f"{graph.file} holds {word!r}"


def test_the_network_is_left_as_it_is(tiny_trained: Trained, engine: Engine) -> None:
    assert engine.info.id
    transforms = [type(module).__name__ for module in tiny_trained.model.modules()]
    assert "FftPower" in transforms
    assert "ConvPower" not in transforms


def test_a_frozen_size_is_refused() -> None:
    dims = {0: Dim("batch", min=1), 1: Dim("samples", min=1)}
    wav_BN = torch.zeros(3, 100)
    trace = export_onnx.trace  # the only way to give it a network that we would never write
    with pytest.raises(BundleError, match="axis 1 of wav is frozen"):
        trace("frozen.onnx", nn.Flatten(), (wav_BN,), {"wav": dims}, {"logits": (0,)}, ({0: dims[0]},))


def test_states_begin_with_one_value(tiny_trained: Trained) -> None:
    fills = initial_fills(tiny_trained.model)
    assert set(fills.values()) == {0.0}

    class Odd(nn.Module):
        hop, latency = 1, 0

        def init_state(self, rows: int) -> dict[str, Tensor]:
            return {
                "ones": torch.ones(rows, 2),
                "none": torch.zeros(rows, 0),
                "mixed": torch.arange(2.0).expand(rows, 2),
            }

        def step(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            return x, state

        def offline(self, wav_BN: Tensor) -> Tensor:
            return wav_BN

    with pytest.raises(AssertionError, match="mixed"):
        initial_fills(Odd())
