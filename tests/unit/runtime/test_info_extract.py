"""bundle.json of an extractor: what it must say, and what none else may."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sonant.runtime.info import BundleInfo

FILES = {name: "0" * 64 for name in ("enroll.onnx", "model.onnx", "step.onnx")}
SIZES = {"voice_size": 8, "presence": True, "grain": 20}


def graph(role: str, **more: Any) -> dict[str, Any]:
    tensor = {"name": "x", "dtype": "float32", "shape": ("batch", "samples")}
    return {"file": f"{role}.onnx", "inputs": [tensor], "outputs": [tensor], **more}


STATE = [{"name": "tail", "shape": (60,), "dtype": "float32"}]


def make(describe, **changes: Any) -> BundleInfo:
    fields: dict[str, Any] = {
        "task": "extract",
        "labels": (),
        "extract": SIZES,
        "latency": 60,
        "graphs": {role: graph(role) for role in ("enroll", "model", "step")},
        "files": FILES,
    }
    return describe(**fields | changes)


def test_graphs_that_are_enough(describe) -> None:
    assert make(describe).extract is not None
    assert make(describe, graphs={role: graph(role) for role in ("enroll", "step")}).hop == 160
    assert make(describe, graphs={role: graph(role) for role in ("enroll", "model")}, hop=None, latency=0)
    with_tail = {"enroll": graph("enroll"), "step": graph("step", state=STATE)}
    assert make(describe, graphs=with_tail, extract=SIZES | {"tail": "tail"})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"extract": None}, "section extract"),
        ({"task": "classify", "labels": ("a", "b")}, "enroll graph|section extract"),
        ({"labels": ("ann",)}, "no labels"),
        ({"graphs": {role: graph(role) for role in ("model", "step")}}, "enroll graph"),
        ({"graphs": {"enroll": graph("enroll")}, "hop": None}, "step graph"),
        ({"graphs": {role: graph(role) for role in ("enroll", "model")}}, "exactly when it has a hop"),
        ({"extract": SIZES | {"tail": "tail"}}, "tail"),
        (
            {
                "graphs": {"enroll": graph("enroll"), "step": graph("step", state=STATE)},
                "extract": SIZES | {"tail": "tail"},
                "latency": 80,
            },
            "as long as the latency",
        ),
    ],
)
def test_what_does_not_fit_is_refused(describe, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        make(describe, **changes)
