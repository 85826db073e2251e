"""What graphs of networks have in common whose answer is sound: sizes that are whole hops, and steps with a state.

    step.onnx       chunk [rows, hop * hops], <held> [rows, ...], in.<state>       -> <outputs>, out.<state>

`held` is what every step is told again, such as the voice that an extractor follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.export import Dim

from models.enhance.base import Enhancer, LiveEnhancer
from models.extract.base import Extractor, LiveExtractor
from models.extract.segmented import Segmented
from sonant.export.onnx import FRAMES, MAX, ROWS, Axes, OnnxGraph, noise, state_infos, trace, with_state

AnySound = Extractor | Enhancer
LiveSound = LiveExtractor | LiveEnhancer

_MOST = 1 << 24
"""Most hops of one call."""
_SAMPLES = 4037
"""Of an example without hops."""


def grain(model: AnySound) -> int:
    """Samples that every wave in a graph is a multiple of."""
    if isinstance(model, LiveSound):
        return 1 if isinstance(model, Segmented) else model.hop
    return model.grain if isinstance(model, Enhancer) else 1


def loops(model: AnySound) -> bool:
    """Whether its steps are a loop over hops, which would stand in a graph as often as the example has hops."""
    return isinstance(model, LiveSound) and model.one_hop


def samples(model: AnySound) -> Any:
    """The size of a wave that may vary."""
    if grain(model) == 1:
        return Dim("samples", min=1, max=1 << 30)
    return grain(model) * Dim("hops", min=1, max=_MOST)


def example(model: AnySound) -> int:
    """Samples of the wave that is traced."""
    return -(-_SAMPLES // grain(model)) * grain(model)


def step_graph(
    model: LiveSound, step: nn.Module, outputs: Sequence[str], held: Mapping[str, Tensor] | None = None
) -> OnnxGraph:
    """The graph of `step`, called as (chunk, *held, [state in order]) -> [outputs, state]; of one hop where the network
    is a loop over them. `held` are examples of ROWS rows."""
    state, held = state_infos(model), held or {}
    names = [part.name for part in state]
    rows = Dim("rows", min=1, max=MAX)
    hops = 1 if model.one_hop else FRAMES
    chunk: dict[int, Any] = {0: rows} if model.one_hop else {0: rows, 1: model.hop * Dim("hops", min=1, max=MAX)}
    axes: Axes = (0,) if model.one_hop else (0, 1)
    start = model.init_state(ROWS)
    graph = trace(
        "step.onnx",
        step.eval(),
        (noise(ROWS, hops * model.hop), *held.values(), [start[name] for name in names]),
        {"chunk": chunk} | dict.fromkeys(held, (0,)) | {f"in.{name}": (0,) for name in names},
        dict.fromkeys(outputs, axes) | {f"out.{name}": (0,) for name in names},
        (chunk, *({0: rows} for _ in held), [{0: rows} for _ in names]),
    )
    return with_state(graph, state)
