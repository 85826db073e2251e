"""From a run to a bundle, or to nothing at all."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
import torch
from safetensors.torch import load as load_tensors

from sonant.config.load import load
from sonant.config.loss import Bce, Link
from sonant.errors import BundleError, RunError
from sonant.export.bundle import seal
from sonant.export.export import export, make
from sonant.measure.evaluate import judge
from sonant.metrics.calibration import temperature
from sonant.runtime.bundle import open_bundle

if TYPE_CHECKING:
    from sonant.export.export import Trained


def test_a_bundle_says_what_it_is(tiny_bundle: Path, tiny_trained: Trained) -> None:
    bundle = open_bundle(tiny_bundle)
    info = bundle.info
    assert info.labels == tiny_trained.labels
    assert info.background == ("_silence_", "_unknown_")
    assert (info.sample_rate_hz, info.hop, info.latency, info.window_ms, info.clip_s) == (8000, 80, 0, 200, 0.2)
    assert info.metrics == {"test.accuracy": 0.5}
    assert set(info.files) == {
        "model.onnx", "step.onnx", "frontend.onnx", "body.onnx", "weights.safetensors", "config.yaml", "card.md"
    }  # fmt: skip
    weights = load_tensors(bundle.read("weights.safetensors"))
    for name, value in tiny_trained.model.state_dict().items():
        assert torch.equal(weights[name], value)
    assert info.provenance.run == "runs/tiny/1"
    assert {"torch", "onnxruntime"} <= set(info.provenance.versions)


def test_a_bundle_knows_how_its_outputs_become_scores(tiny_bundle: Path, tiny_trained: Trained) -> None:
    assert open_bundle(tiny_bundle).info.link == Link()
    config = tiny_trained.config
    each = config.model_copy(update={"task": config.task.model_copy(update={"loss": Bce()})})
    info, contents = make(replace(tiny_trained, config=each))
    assert info.link == Link(kind="sigmoid")
    assert b"each label for itself" in b" ".join(contents["card.md"].split())


def test_two_exports_differ_in_time_only(tiny_bundle: Path, tiny_trained: Trained) -> None:
    first = open_bundle(tiny_bundle)
    info, contents = make(tiny_trained)
    assert {name for name in contents if contents[name] != first.read(name)} <= {"card.md"}
    volatile = {"created", "version", "files"}
    assert info.model_dump(exclude=volatile) == first.info.model_dump(exclude=volatile)
    assert info.version.split("-")[1] == first.info.version.split("-")[1]
    assert seal(info, contents).keys() == {*contents, "bundle.json", "bundle.sha256"}


def test_a_failed_proof_leaves_nothing_behind(tiny_run: Path) -> None:
    """Not in a bucket either, where nothing is verified after it was written."""
    bucket = f"/bucket-{uuid.uuid4().hex}"
    config = tiny_run / "config.yaml"
    text, before = config.read_text(), sorted(tiny_run.rglob("*"))
    config.write_text(text.replace("onnx_tolerance: 0.0001", "onnx_tolerance: 1.0e-12"))
    try:
        with pytest.raises(BundleError, match="parity check model") as caught:
            export(str(tiny_run), out=f"memory:/{bucket}/bundle")
    finally:
        config.write_text(text)
    assert caught.value.code == "bundle.unproven"
    assert not fsspec.filesystem("memory").exists(bucket)
    assert sorted(tiny_run.rglob("*")) == before


def test_a_run_becomes_a_bundle_inside_itself(tiny_run: Path) -> None:
    folder = Path(export(str(tiny_run)))
    bundle = open_bundle(folder)
    assert folder.parent == tiny_run / "bundles"
    assert folder.name == bundle.info.version
    assert bundle.info.name == "tones"
    assert bundle.info.hop is None
    assert set(bundle.info.graphs) == {"model"}
    assert {"validation.accuracy", "test.accuracy", "test.loss"} <= set(bundle.info.metrics)
    assert {"validation.ece_calibrated", "test.ece_calibrated"} <= set(bundle.info.metrics)
    assert bundle.info.temperature == pytest.approx(_fitted(tiny_run))
    assert "divided by" in (folder / "card.md").read_text()
    assert len(bundle.info.provenance.corpus_sha256) == 64
    restored: Any = load(type(_config(tiny_run)), str(bundle.file("config.yaml")))
    assert restored == _config(tiny_run)


def _fitted(run: Path) -> float:
    known = judge(str(run), split="validation").scored
    return temperature(known.logits_NK, known.label_N)


def _config(run: Path) -> Any:
    from sonant.train.run import open_run

    return open_run(str(run)).config


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run folder"):
        export(str(tmp_path))


def test_the_card_tells_what_the_bundle_is(tiny_bundle: Path) -> None:
    info = open_bundle(tiny_bundle).info
    card = (tiny_bundle / "card.md").read_text()
    for word in (info.version, "`yes`", "test.accuracy | 0.5000", "8000 Hz", "a frame each 10 ms", "## Limits"):
        assert word in card
    for check in info.parity.values():
        assert f"{check.error:.2e}" in card
    assert json.loads((tiny_bundle / "bundle.json").read_text())["name"] == "tiny"
    assert card.isascii()
