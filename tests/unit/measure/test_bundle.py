"""The cost of a bundle: the numbers are there and mean what they say; how large they are is for benchmarks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sonant.export.export import export
from sonant.measure.bundle import measure


def test_a_bundle_is_measured(tiny_run: Path, tmp_path: Path) -> None:
    folder = Path(export(str(tiny_run), out=str(tmp_path / "tones")))
    told = measure(str(folder), runs=3)
    assert told["provider"] == "CPUExecutionProvider"
    assert told["params"] > 1000
    assert told["macs_per_s"] > 0
    assert told["feature_macs_per_s"] > 0
    assert told["bytes"]["model.onnx"] == (folder / "model.onnx").stat().st_size
    assert told["clip"]["audio_ms"] == 250
    assert told["clip"]["real_time_factor"] == pytest.approx(told["clip"]["p50_ms"] / 250, abs=1e-5)
    assert told["step"] is None
    assert told["memory"]["process_peak_mib"] > 0
    assert json.loads(json.dumps(told)) == told
