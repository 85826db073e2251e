"""Bundles that hold no network: what opens, verifies and tracks them never looks into the graphs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sonant.export.bundle import digests, publish, seal
from sonant.runtime.info import BundleInfo

CONTENTS = {
    "model.onnx": b"a graph",
    "step.onnx": b"another",
    "weights.safetensors": b"weights",
    "card.md": b"# words\n",
}

Describe = Callable[..., BundleInfo]
Write = Callable[..., Path]


def _graph(file: str, **more: Any) -> dict[str, Any]:
    tensor = {"name": "wav", "dtype": "float32", "shape": ("batch", "samples")}
    return {"file": file, "inputs": [tensor], "outputs": [{**tensor, "name": "logits"}], **more}


def _check(error: float = 1e-6, tolerance: float = 1e-4) -> dict[str, Any]:
    return {"what": "two ways", "cases": 3, "error": error, "tolerance": tolerance}


@pytest.fixture
def describe() -> Describe:
    """A description that holds; keyword arguments replace fields."""

    def make(**changes: Any) -> BundleInfo:
        fields: dict[str, Any] = {
            "schema_version": 1,
            "name": "words",
            "version": "20260801t101500-3fb2a1c9",
            "created": "2026-08-01T10:15:00+00:00",
            "task": "classify",
            "labels": ("_silence_", "no", "yes"),
            "background": ("_silence_", "_unknown_"),
            "events": {"threshold": 0.7, "smooth_ms": 40.0, "refractory_ms": 200.0, "release": 0.4},
            "sample_rate_hz": 16000,
            "clip_s": 1.0,
            "hop": 160,
            "latency": 0,
            "window_ms": 100.0,
            "graphs": {"model": _graph("model.onnx"), "step": _graph("step.onnx")},
            "metrics": {"test.accuracy": 0.9},
            "parity": {name: _check() for name in ("model", "stream", "step", "clip")},
            "provenance": {
                "run": "runs/words/1",
                "config_sha256": "0" * 64,
                "corpus": "data/words",
                "corpus_sha256": "0" * 64,
                "versions": {},
            },
            "files": digests(CONTENTS),
        }
        return BundleInfo.model_validate(fields | changes)

    return make


@pytest.fixture
def write(tmp_path: Path, describe: Describe) -> Write:
    """Writes a bundle that holds to a new folder or URL; keyword arguments change its description."""

    def make(url: str | None = None, **changes: Any) -> Path:
        return Path(publish(seal(describe(**changes), CONTENTS), url or str(tmp_path / "bundle")))

    return make


@pytest.fixture
def check() -> Callable[..., dict[str, Any]]:
    return _check
