"""A config judged by folds of speakers: each clip once, by a network that never heard its speaker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from sonant import cli
from sonant.config.experiment import Experiment
from sonant.config.load import check, dump
from sonant.data.corpus import Corpus
from sonant.errors import ConfigError, DataError
from sonant.measure.evaluate import judge
from sonant.measure.folds import evaluate_folds
from sonant.metrics.calibration import expected_calibration_error
from sonant.track.report import report
from sonant.train.local import fit_local
from sonant.train.run import Result, open_run

METRICS = {"accuracy", "macro_f1", "uar", "loss", "ece"}


@pytest.fixture
def config(tone_corpus: str, tmp_path: Path) -> Experiment:
    return check(
        Experiment,
        {
            "name": "tones",
            "model": {"kind": "tc_resnet", "width": 0.25, "head": {"kind": "attentive", "bottleneck": 8}},
            "data": {"corpus": tone_corpus, "clip_s": 0.6, "batch_size": 12, "prefetch": 0, "augment": None},
            "train": {"epochs": 2, "threads": 1, "lr": 0.01},
            "track": {"runs": str(tmp_path / "runs"), "wandb": "off", "worst": 1},
        },
    )


def quietly(fitted: list[Experiment]) -> Callable[[Experiment], Result]:
    def fit(cfg: Experiment) -> Result:
        fitted.append(cfg)
        return fit_local(cfg, report=lambda event: None)

    return fit


def test_every_clip_is_judged_by_a_network_that_never_heard_its_speaker(config: Experiment, tmp_path: Path) -> None:
    fitted: list[Experiment] = []
    out = tmp_path / "out"
    found = evaluate_folds(config, 3, out=str(out), fit=quietly(fitted))

    assert [cfg.data.split.speakers for cfg in fitted] == [tuple(fold["speakers"]) for fold in found["folds"]]
    assert sorted(name for cfg in fitted for name in cfg.data.split.speakers) == [f"s{n}" for n in range(6)]
    rows = pq.read_table(out / "predictions.parquet").to_pylist()
    assert sorted(row["row"] for row in rows) == list(range(72))
    speakers = Corpus.open(config.data.corpus).column("speaker")
    for fold in found["folds"]:
        run = open_run(fold["run"])
        assert Path(run.path).is_relative_to(out)
        seen = pq.read_table(Path(run.path) / "review" / "predictions.parquet").to_pylist()
        assert {speakers[row["row"]] for row in seen if row["split"] == "test"} == set(fold["speakers"])
        assert not {speakers[row["row"]] for row in seen if row["split"] == "validation"} & set(fold["speakers"])


def test_the_summary_adds_up(config: Experiment, tmp_path: Path) -> None:
    found = evaluate_folds(config, 2, fit=quietly([]))
    out = Path(found["folder"])
    assert out.parent == tmp_path / "runs" / "tones"
    assert json.loads((out / "folds.json").read_text()) == found
    assert set(found["metrics"]) == set(found["mean"]) == set(found["deviation"]) == METRICS
    tempered = [
        (judge(fold["run"]).scored.logits_NK / fold["temperature"], judge(fold["run"]).scored.label_N)
        for fold in found["folds"]
    ]
    logits_NK, label_N = (np.concatenate(parts) for parts in zip(*tempered, strict=True))
    assert found["ece_calibrated"] == pytest.approx(expected_calibration_error(logits_NK, label_N), abs=1e-6)
    assert json.loads((out / "metrics.json").read_text())["ece_calibrated"] == found["ece_calibrated"]
    assert found["clips"] == sum(fold["clips"] for fold in found["folds"]) == 72

    right = sum(fold["clips"] * fold["metrics"]["accuracy"] for fold in found["folds"])
    assert found["metrics"]["accuracy"] == pytest.approx(right / 72)
    assert found["mean"]["uar"] == pytest.approx(sum(fold["metrics"]["uar"] for fold in found["folds"]) / 2)
    matrix = json.loads((out / "confusion.json").read_text())
    assert sum(matrix["folds"][k][k] for k in range(3)) == pytest.approx(right)
    for name, (low, high) in found["intervals"].items():
        assert low <= found["metrics"][name] <= high
    assert found["labels"]["rise"]["clips"] == 24

    text = (out / "report.html").read_text()
    for fold in found["folds"]:
        assert ", ".join(fold["speakers"]) in text
    assert report(str(out)) == str(out / "report.html")


def test_mistakes_are_found_before_anything_is_trained(config: Experiment) -> None:
    def never(cfg: Experiment) -> Result:
        raise AssertionError(cfg.name)

    with pytest.raises(DataError, match="7 folds cannot be made"):
        evaluate_folds(config, 7, fit=never)
    wrong = config.model_copy(update={"train": config.train.model_copy(update={"metric": "wer"})})
    with pytest.raises(ConfigError, match=r"train\.metric"):
        evaluate_folds(wrong, 2, fit=never)


def test_the_command(config: Experiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tones.yaml"
    file.write_text(dump(config) + "smoke: {train: {epochs: 1}}\n")
    words: list[Any] = ["evaluate", str(file), "--folds", "2", "--smoke", "seed=5", "--out", str(tmp_path / "told")]
    assert cli.main(words) == 0
    found = json.loads(capsys.readouterr().out)
    run = open_run(found["folds"][1]["run"])
    assert (run.config.seed, run.config.train.epochs) == (5, 1)
    assert cli.main(["evaluate", str(file), "one", "two"]) == 2
    assert "key=value needs --folds" in capsys.readouterr().err
