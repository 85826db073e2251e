"""The cost of small bundles whose answer is sound: the numbers are there and mean what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sonant.measure.bundle import measure


def test_a_bundle_is_measured(extract_bundle: Path, tiny_extractor: Any) -> None:
    told = measure(str(extract_bundle), runs=3)
    assert told["params"] == sum(weight.numel() for weight in tiny_extractor.model.parameters())
    assert told["macs_per_s"] > 0
    assert told["enroll"]["audio_ms"] == 5000
    assert told["mixture"]["audio_ms"] == 400
    hop_ms = tiny_extractor.model.hop / 4
    assert told["step"]["audio_ms"] == hop_ms
    assert told["step_20ms"]["audio_ms"] == max(20, hop_ms)
    assert told["step"]["real_time_factor"] == pytest.approx(told["step"]["p50_ms"] / hop_ms, abs=1e-5)
    assert told["state_bytes"] > 0
    assert json.loads(json.dumps(told)) == told


def test_a_bundle_that_takes_noise_away_is_measured(enhance_bundle: Path, tiny_enhancer: Any) -> None:
    told = measure(str(enhance_bundle), runs=3)
    assert told["params"] == sum(weight.numel() for weight in tiny_enhancer.model.parameters())
    assert told["macs_per_s"] > 0
    assert told["recording"]["audio_ms"] == 400
    assert told["step"]["audio_ms"] == tiny_enhancer.model.hop / 4
    assert told["step"]["real_time_factor"] > 0
    assert told["state_bytes"] > 0
    assert "enroll" not in told
