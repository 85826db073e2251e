"""From a network to ONNX graphs with named, dynamic sizes and explicit stream state.

    model.onnx      wav [batch, samples]                     -> logits [batch, K], or embedding [batch, E]
    step.onnx       chunk [rows, hop * frames], in.<state>   -> logits [rows, frames, K], out.<state>
    frontend.onnx   wav [batch, samples]                     -> features [batch, F, T]
    body.onnx       features [batch, F, T]                   -> logits [batch, K]

Framewise networks answer with logits [batch, frames, K].

torch.export can freeze a size to the example's without a word. So the sizes are read back from the finished graph,
and a literal where a name should stand refuses the export.
"""

from __future__ import annotations

import gc
import logging
import warnings
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.export import Dim

from models.classify.base import Classifier
from models.classify.embedder import Embedder
from models.streaming import Starts, Streaming, state_specs
from sonant.errors import BundleError, EnvError
from sonant.runtime.graph import Graph
from sonant.runtime.info import Dtype, GraphInfo, Role, StateInfo, TensorInfo

OPSET = 18
Axes = Iterable[int]

MAX = 1 << 16
ROWS, FRAMES = 3, 5
"""Sizes of the examples that are traced; nothing else uses them, so a frozen size shows."""
MIN_S = 0.2
"""Shortest clip that every network accepts."""


@dataclass(frozen=True)
class OnnxGraph:
    """A finished graph: the bytes of its file and its description."""

    data: bytes
    info: GraphInfo


def export_graphs(model: Classifier, *, split_features: bool) -> dict[Role, OnnxGraph]:
    """All graphs of a network in evaluation mode: the clip, the step when it streams, the split when asked.

    The graphs hold the convolution form of the Fourier transform; the network itself is left as it is.
    """
    assert not model.training, "export a network in evaluation mode"
    model = deepcopy(model)
    model.features.switch_dft("conv")
    graphs: dict[Role, OnnxGraph] = {"model": _clip_graph(model)}
    if isinstance(model, Streaming):
        graphs["step"] = _step_graph(model)
    if split_features:
        graphs["frontend"], graphs["body"] = _split_graphs(model)
    return graphs


class _Step(nn.Module):
    """A step with its state as a list: graphs know positions, not dictionaries."""

    def __init__(self, model: Streaming, names: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.names = tuple(names)

    def forward(self, chunk_BN: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        logits_BFK, after = self.model.step(chunk_BN, dict(zip(self.names, state, strict=True)))
        return logits_BFK, [after[name] for name in self.names]


class _Body(nn.Module):
    """What follows the features."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, feat_BFT: Tensor) -> Tensor:
        return self.model.body(feat_BFT)


def _clip_graph(model: Classifier) -> OnnxGraph:
    wav = {"wav": _clips(model)}
    return trace("model.onnx", model, (_example_wav(model),), wav, _outputs(model), tuple(wav.values()))


def _step_graph(model: Streaming) -> OnnxGraph:
    state = state_infos(model)
    names = [part.name for part in state]
    rows = Dim("rows", min=1, max=MAX)
    chunk = {0: rows, 1: model.hop * Dim("frames", min=1, max=MAX)}
    example = model.init_state(ROWS)
    graph = trace(
        "step.onnx",
        _Step(model, names).eval(),
        (noise(ROWS, FRAMES * model.hop), [example[name] for name in names]),
        {"chunk": chunk} | {f"in.{name}": {0: rows} for name in names},
        {"logits": (0, 1)} | {f"out.{name}": (0,) for name in names},
        (chunk, [{0: rows} for _ in names]),
    )
    return with_state(graph, state)


def _split_graphs(model: Classifier) -> tuple[OnnxGraph, OnnxGraph]:
    wav_BN, wav = _example_wav(model), {"wav": _clips(model)}
    frontend = trace("frontend.onnx", model.features, (wav_BN,), wav, {"features": (0, 2)}, tuple(wav.values()))
    with torch.no_grad():
        feat_BFT = model.features(wav_BN)
    feat = {"features": {0: Dim("batch", min=1, max=MAX), 2: Dim("time", min=2, max=1 << 24)}}
    body = trace("body.onnx", _Body(model).eval(), (feat_BFT,), feat, _outputs(model), tuple(feat.values()))
    return frontend, body


def state_infos(model: Starts) -> tuple[StateInfo, ...]:
    """What a stream of the network carries along."""
    fills = initial_fills(model)
    return tuple(
        StateInfo(name=part.name, shape=part.shape, dtype=cast(Dtype, part.dtype), fill=fills[part.name])
        for part in state_specs(model)
    )


def with_state(graph: OnnxGraph, state: tuple[StateInfo, ...]) -> OnnxGraph:
    """A step graph that says what it carries along; refused unless its tensors have those very shapes."""
    shapes = {part.name: part.shape for part in state}
    for tensor in (*graph.info.inputs, *graph.info.outputs):
        way, _, name = tensor.name.partition(".")
        if way in ("in", "out") and tensor.shape[1:] != shapes[name]:
            told = f"step.onnx: {tensor.name} has shape {tensor.shape[1:]}, not {shapes[name]}"
            raise BundleError("bundle.unproven", told)
    return OnnxGraph(graph.data, graph.info.model_copy(update={"state": state}))


def initial_fills(model: Starts) -> dict[str, float]:
    """The value that each state tensor is filled with when a stream begins."""
    fills: dict[str, float] = {}
    for name, value in model.init_state(1).items():
        first = value.flatten()[:1]
        assert bool((value == first).all()), f"state {name} does not begin with one value everywhere"
        fills[name] = float(first.item()) if first.numel() else 0.0
    return fills


def trace(
    file: str,
    module: nn.Module,
    example: tuple[Any, ...],
    inputs: Mapping[str, Axes],
    outputs: Mapping[str, Axes],
    dynamic_shapes: tuple[Any, ...],
) -> OnnxGraph:
    """Traces a module with example inputs. `inputs` and `outputs` name the axes of each tensor that must vary."""
    try:
        import onnxscript  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise EnvError("env.missing_extra", "onnxscript is not installed", hint="pip install sonant[export]") from None
    with _quiet(), _uncollected(), torch.no_grad():
        program = torch.onnx.export(
            module,
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=dynamic_shapes,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    data = _serialize(program)
    read_back = Graph(data, providers=("CPUExecutionProvider",))
    _check_axes(file, read_back.inputs, inputs)
    _check_axes(file, read_back.outputs, outputs)
    return OnnxGraph(data, GraphInfo(file=file, inputs=read_back.inputs, outputs=read_back.outputs))


def _serialize(program: Any) -> bytes:
    """The graph without the exporter's notes: those hold stack traces with the paths of the machine it ran on."""
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
    return cast(bytes, program.model_proto.SerializeToString(deterministic=True))


def _check_axes(file: str, tensors: Sequence[TensorInfo], wanted: Mapping[str, Axes]) -> None:
    if [tensor.name for tensor in tensors] != list(wanted):
        raise BundleError("bundle.unproven", f"{file}: an input or output was optimised away")
    for tensor in tensors:
        for axis in wanted[tensor.name]:
            if isinstance(tensor.shape[axis], int):
                raise BundleError("bundle.unproven", f"{file}: axis {axis} of {tensor.name} is frozen: {tensor.shape}")


def _outputs(model: Classifier) -> dict[str, Axes]:
    """What a network gives, and the axes of it that vary."""
    if isinstance(model, Embedder):
        return {"embedding": (0,)}
    return {"logits": (0, 1) if model.framewise else (0,)}


def _clips(model: Classifier) -> dict[int, Any]:
    return {0: Dim("batch", min=1, max=MAX), 1: Dim("samples", min=int(MIN_S * model.sample_rate_hz), max=1 << 30)}


def _example_wav(model: Classifier) -> Tensor:
    return noise(ROWS, model.sample_rate_hz + 37)


def noise(rows: int, samples: int) -> Tensor:
    return 0.1 * torch.randn(rows, samples, generator=torch.Generator().manual_seed(0))


@contextmanager
def _uncollected() -> Generator[None]:
    """Tracing makes millions of small objects and next to no cycles: looking for those is a fifth of what it costs."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextmanager
def _quiet() -> Generator[None]:
    """The exporter reports every optional operator that it does not find."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
