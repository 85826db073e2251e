"""A run and its bundle are judged alike, on the same clips, and agree."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sonant.errors import BundleError, DataError, RunError
from sonant.export.export import export
from sonant.measure.evaluate import evaluate, judge
from sonant.runtime.bundle import open_bundle


@pytest.fixture(scope="module")
def bundle(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return export(str(tiny_run), out=str(tmp_path_factory.mktemp("bundle") / "tones"))


def test_a_bundle_scores_what_its_run_scored(tiny_run: Path, bundle: str) -> None:
    through_torch, through_graph = judge(str(tiny_run)), judge(bundle)
    assert through_torch.metrics == pytest.approx(through_graph.metrics, abs=1e-4)
    assert through_torch.scored.logits_NK == pytest.approx(through_graph.scored.logits_NK, abs=1e-3)
    assert through_torch.scored.row_N.tolist() == through_graph.scored.row_N.tolist()
    assert len(through_torch.scored.row_N) == 15
    recorded = [json.loads(line) for line in (tiny_run / "events.jsonl").read_text().splitlines()]
    assert through_torch.metrics["accuracy"] == pytest.approx(recorded[-1]["test"]["accuracy"])


def test_a_bundle_says_how_well_its_own_temperature_serves(tiny_run: Path, bundle: str) -> None:
    recorded = open_bundle(bundle).info
    summary = evaluate(bundle)
    assert recorded.temperature != 1.0
    assert summary["ece_calibrated"] == pytest.approx(recorded.metrics["test.ece_calibrated"], abs=1e-4)
    assert summary["metrics"]["ece"] == pytest.approx(recorded.metrics["test.ece"], abs=1e-4)
    assert evaluate(str(tiny_run))["ece_calibrated"] == evaluate(str(tiny_run))["metrics"]["ece"]


def test_the_summary_has_metrics_and_an_interval(tiny_run: Path) -> None:
    summary = evaluate(str(tiny_run), split="all")
    assert summary["clips"] == 90
    low, high = summary["interval"]
    assert 0 <= low <= summary["metrics"]["accuracy"] <= high <= 1
    assert set(summary["metrics"]) == {"accuracy", "macro_f1", "uar", "loss", "ece"}
    assert json.loads(json.dumps(summary)) == summary


def test_everything_is_written_when_asked(tiny_run: Path, bundle: str, tmp_path: Path) -> None:
    summary = evaluate(bundle, str(tiny_run.parents[2] / "corpus"), split="validation", out=str(tmp_path / "out"))
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == summary
    matrix = json.loads((tmp_path / "out" / "confusion.json").read_text())
    assert sum(map(sum, matrix["validation"])) == summary["clips"] == 15
    assert (tmp_path / "out" / "confusion.png").read_bytes().startswith(b"\x89PNG")
    rows = pq.read_table(tmp_path / "out" / "predictions.parquet").to_pylist()
    right = sum(row["label"] == row["predicted"] for row in rows) / len(rows)
    assert right == pytest.approx(summary["metrics"]["accuracy"])


def test_what_cannot_be_judged_is_said(tiny_run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no prepared corpus"):
        evaluate(str(tiny_run), str(tmp_path))
    with pytest.raises(RunError, match="no run folder"):
        evaluate(str(tmp_path))
    with pytest.raises(BundleError, match="no alias"):
        evaluate(f"{tmp_path}/words@champion")


def test_every_label_and_the_main_metrics_are_told(tiny_run: Path) -> None:
    summary = evaluate(str(tiny_run), split="all")
    assert summary["intervals"]["accuracy"] == summary["interval"]
    for name, (low, high) in summary["intervals"].items():
        assert 0 <= low <= summary["metrics"][name] <= high <= 1
    assert [one["clips"] for one in summary["labels"].values()] == [30, 30, 30]
    recalls = [one["recall"] for one in summary["labels"].values()]
    assert sum(recalls) / 3 == pytest.approx(summary["metrics"]["uar"])
