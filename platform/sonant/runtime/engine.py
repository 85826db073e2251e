"""A bundle in onnxruntime: whole clips, split graphs, and steps of live streams. No torch, no Ray.

What answers with labels or vectors is here; what answers with sound is in `runtime.sounds`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import TypedDict, TypeVar

from sonant.errors import BundleError, ModelError
from sonant.runtime.bundle import Bundle
from sonant.runtime.graph import PROVIDERS, Graph, State, StepGraph, initial_state
from sonant.runtime.info import GraphInfo, Role
from sonant.runtime.scores import Floats

AnyGraph = TypeVar("AnyGraph", bound=Graph)

_log = logging.getLogger(__name__)


class _Options(TypedDict):
    threads: int
    providers: tuple[str, ...]


class Graphs:
    """The graphs of a bundle. Sessions are made on first use: a server of clips never loads the step graph.

    Arrays are float32 unless a state says otherwise; B is clips or rows, N samples.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1, providers: Sequence[str] = PROVIDERS) -> None:
        self.bundle = bundle
        self.info = bundle.info
        self._options: _Options = {"threads": threads, "providers": tuple(providers)}

    @cached_property
    def _model(self) -> Graph:
        return self._load("model")

    @cached_property
    def _step(self) -> StepGraph:
        info = self._info("step")
        return self._checked(info, StepGraph(self.bundle.read(info.file), info.state, **self._options))

    @property
    def hop(self) -> int:
        """Samples of one live frame."""
        self._info("step")
        assert self.info.hop is not None, "the schema ties the hop to the step graph"
        return self.info.hop

    def init_state(self, rows: int) -> State:
        """The state of `rows` streams that have heard nothing."""
        return initial_state(self._info("step").state, rows)

    def _load(self, role: Role) -> Graph:
        info = self._info(role)
        return self._checked(info, Graph(self.bundle.read(info.file), **self._options))

    def _info(self, role: Role) -> GraphInfo:
        info = self.info.graphs.get(role)
        if info is None:
            code = "model.no_stream" if role == "step" else "model.unknown"
            raise ModelError(code, f"{self.info.id} has no {role} graph")
        return info

    def _checked(self, info: GraphInfo, graph: AnyGraph) -> AnyGraph:
        """The file must have the inputs and outputs that bundle.json gives it."""
        for listed, actual in ((info.inputs, graph.inputs), (info.outputs, graph.outputs)):
            if [(t.name, t.dtype) for t in listed] != [(t.name, t.dtype) for t in actual]:
                raise BundleError("bundle.invalid", f"{info.file} has other inputs or outputs than bundle.json says")
        _log.info("%s: %s runs on %s", self.info.id, info.file, graph.provider)
        return graph


class Engine(Graphs):
    """Runs a bundle whose answers are labels or vectors. F is frames, K labels."""

    def __init__(self, bundle: Bundle, *, threads: int = 1, providers: Sequence[str] = PROVIDERS) -> None:
        super().__init__(bundle, threads=threads, providers=providers)
        if bundle.info.sound is not None:
            needs = "" if bundle.info.extract is None else ", and needs a reference"
            hint = f"sonant infer BUNDLE FILE{' --reference FILE' if needs else ''}"
            raise ModelError("model.unknown", f"{bundle.info.id} answers with sound{needs}", hint=hint)

    @cached_property
    def _frontend(self) -> Graph:
        return self._load("frontend")

    @cached_property
    def _body(self) -> Graph:
        return self._load("body")

    @property
    def provider(self) -> str:
        """The execution provider that runs the graphs, whatever was asked for."""
        return self._model.provider

    @property
    def body_provider(self) -> str:
        """The same where `body` is what runs."""
        return self._body.provider

    def logits(self, wav_BN: Floats) -> Floats:
        """Whole clips of one length -> logits_BK."""
        return self._model.run({"wav": wav_BN})[0]

    def features(self, wav_BN: Floats) -> Floats:
        """The feature front end alone -> feat_BFT; `body` does the rest."""
        return self._frontend.run({"wav": wav_BN})[0]

    def body(self, feat_BFT: Floats) -> Floats:
        """From features to logits_BK."""
        return self._body.run({"features": feat_BFT})[0]

    @property
    def splits(self) -> bool:
        """Whether `features` and `body` exist."""
        return "frontend" in self.info.graphs

    def step(self, chunk_BN: Floats, state: State) -> tuple[Floats, State]:
        """N = F * hop new samples of each row -> logits_BFK and the state after them. `state` is left as it was."""
        return self._step.step(chunk_BN, state)
