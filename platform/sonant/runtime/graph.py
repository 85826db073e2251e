"""One ONNX graph in one onnxruntime session, and one that advances streams."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sonant.errors import BundleError, EnvError
from sonant.runtime.info import Dtype, StateInfo, TensorInfo

Array = NDArray[Any]
State = dict[str, Array]
PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")

_log = logging.getLogger(__name__)
_DTYPES: dict[str, Dtype] = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
}


class Graph:
    """A graph ready to run; `provider` is the one that onnxruntime really gave it."""

    def __init__(self, model: bytes, *, threads: int = 1, providers: Sequence[str] = PROVIDERS) -> None:
        self._session = _session(model, threads, providers)
        self.inputs = _tensors(self._session.get_inputs())
        self.outputs = _tensors(self._session.get_outputs())
        self._output_names = [tensor.name for tensor in self.outputs]

    @property
    def provider(self) -> str:
        return cast(str, self._session.get_providers()[0])

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """Outputs in the order of `outputs`."""
        return cast(list[Array], self._session.run(self._output_names, feeds))


class StepGraph(Graph):
    """A graph that advances streams: the state goes in as `in.<name>` and comes out as `out.<name>`."""

    def __init__(
        self, model: bytes, state: Sequence[StateInfo], *, threads: int = 1, providers: Sequence[str] = PROVIDERS
    ) -> None:
        super().__init__(model, threads=threads, providers=providers)
        self.state = tuple(state)
        self._names = [(part.name, f"in.{part.name}") for part in state]

    def step(self, chunk_BN: Array, state: State) -> tuple[Array, State]:
        """N = F * hop new samples of each row -> logits_BFK and the state after them. `state` is left as it was."""
        (logits_BFK,), after = self.advance({"chunk": chunk_BN}, state)
        return logits_BFK, after

    def advance(self, feeds: Mapping[str, Array], state: State) -> tuple[list[Array], State]:
        """All outputs but the state for any inputs but the state, and the state after them."""
        fed: State = dict(feeds)
        for name, graph_name in self._names:
            fed[graph_name] = state[name]
        outputs = self.run(fed)
        given = len(outputs) - len(self._names)
        return outputs[:given], {name: value for (name, _), value in zip(self._names, outputs[given:], strict=True)}


def initial_state(parts: Sequence[StateInfo], rows: int) -> State:
    """The state of `rows` streams that have heard nothing."""
    return {part.name: np.full((rows, *part.shape), part.fill, dtype=np.dtype(part.dtype)) for part in parts}


def _session(model: bytes, threads: int, providers: Sequence[str]) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise EnvError("env.missing_extra", "onnxruntime is not installed", hint="pip install sonant[cpu]") from None
    installed = cast(list[str], onnxruntime.get_available_providers())
    usable = [provider for provider in providers if provider in installed]
    if not usable:
        raise EnvError("env.missing_extra", f"none of {', '.join(providers)} is installed, only {', '.join(installed)}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Threads that spin between calls would take the core from the sessions beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(model, options, providers=usable)
    except Exception as error:  # onnxruntime raises its own classes, which share only this base
        raise BundleError("bundle.invalid", f"onnxruntime refuses a graph: {str(error)[:300]}") from error
    actual = cast(list[str], session.get_providers())[0]
    if actual != providers[0]:
        _log.info("%s wanted, %s runs (installed: %s)", providers[0], actual, ", ".join(installed))
    return session


def _tensors(arguments: Sequence[Any]) -> tuple[TensorInfo, ...]:
    return tuple(
        TensorInfo(
            name=argument.name,
            dtype=_DTYPES[argument.type],
            shape=tuple("?" if size is None else size for size in argument.shape),
        )
        for argument in arguments
    )
