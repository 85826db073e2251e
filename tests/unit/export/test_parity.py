"""A proof that cannot fail proves nothing: each check must see the fault that it is there for."""

from __future__ import annotations

from copy import deepcopy
from types import MethodType
from typing import TYPE_CHECKING

import pytest
import torch

from sonant.config.export import ExportConfig
from sonant.errors import BundleError
from sonant.export.onnx import OnnxGraph
from sonant.export.parity import chunkings, prove
from sonant.runtime.engine import Engine
from sonant.runtime.info import Check, Role

if TYPE_CHECKING:
    from models.classify.base import LiveClassifier
    from sonant.export.export import Trained

SIZES = {"clip_s": 0.2, "window_s": 0.2}


@pytest.fixture(scope="module")
def graphs(engine: Engine) -> dict[Role, OnnxGraph]:
    return {role: OnnxGraph(engine.bundle.read(info.file), info) for role, info in engine.info.graphs.items()}


def failing(checks: dict[str, Check]) -> set[str]:
    return {name for name, check in checks.items() if check.error > check.tolerance}


def test_an_honest_export_passes_every_check(tiny_trained: Trained, graphs: dict[Role, OnnxGraph]) -> None:
    checks = prove(tiny_trained.model, graphs, ExportConfig(), **SIZES)
    assert set(checks) == {"model", "clip", "stream", "step", "split"}
    assert failing(checks) == set()
    assert checks["model"].cases == 17
    assert checks["stream"].cases == 5
    assert checks["step"].cases == 10
    assert all(check.error < 1e-5 for check in checks.values())


def test_other_weights_fail_every_graph(tiny_trained: Trained, graphs: dict[Role, OnnxGraph]) -> None:
    other = deepcopy(tiny_trained.model)
    with torch.no_grad():
        other.head.output[1].bias.add_(1e-3)
    assert failing(prove(other, graphs, ExportConfig(), **SIZES)) == {"model", "step", "split"}


def test_a_stream_that_forgets_fails(tiny_trained: Trained, graphs: dict[Role, OnnxGraph]) -> None:
    forgetful = deepcopy(tiny_trained.model)

    def step(self: LiveClassifier, x: torch.Tensor, state: dict[str, torch.Tensor]):
        state = state | {"features.spectrum.tail": torch.zeros_like(state["features.spectrum.tail"])}
        return type(self).step(self, x, state)

    forgetful.step = MethodType(step, forgetful)
    assert failing(prove(forgetful, graphs, ExportConfig(), **SIZES)) == {"stream"}


def test_a_clip_that_is_not_its_stream_fails(tiny_trained: Trained, graphs: dict[Role, OnnxGraph]) -> None:
    split = deepcopy(tiny_trained.model)
    split.forward = MethodType(lambda self, wav_BN: type(self).forward(self, wav_BN) + 1e-4, split)
    assert "clip" in failing(prove(split, graphs, ExportConfig(), **SIZES))


def test_outputs_that_are_not_numbers_are_refused(tiny_trained: Trained, graphs: dict[Role, OnnxGraph]) -> None:
    broken = deepcopy(tiny_trained.model)
    with torch.no_grad():
        broken.head.output[1].bias.fill_(float("nan"))
    with pytest.raises(BundleError, match="not finite") as caught:
        prove(broken, graphs, ExportConfig(), **SIZES)
    assert caught.value.code == "bundle.unproven"


@pytest.mark.parametrize("hops", [1, 2, 7, 26, 131])
def test_chunkings_cover_the_signal(hops: int) -> None:
    cuts = chunkings(hops)
    assert set(cuts) == {"1 hops", "2 hops", "7 hops", "random", "whole"}
    assert all(sum(cut) == hops and min(cut) > 0 for cut in cuts.values())
    assert set(cuts["1 hops"]) == {1}
