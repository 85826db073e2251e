"""The whole road of an embedder: trained on some voices, judged on others, exported without names, judged again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sonant.errors import ConfigError, DataError
from sonant.measure.bundle import measure
from sonant.measure.evaluate import evaluate
from sonant.measure.infer import infer
from sonant.runtime.bundle import open_bundle
from sonant.track.report import report
from sonant.train.run import open_run


@pytest.fixture
def trials(tmp_path: Path) -> str:
    """Pairs of test recordings, some by id and some by path."""
    path = tmp_path / "trials.txt"
    path.write_text("1 c2 c14\n0 c2 c5\n\n1 v5/0.wav v5/1.wav\n0 v8/0.wav c2\n", encoding="ascii")
    return str(path)


def test_training_knows_only_training_voices(voice_run: Path) -> None:
    run = open_run(str(voice_run))
    assert run.labels == ("voice0", "voice10", "voice11", "voice3", "voice6", "voice9")
    assert run.config.model.outputs == 6


def test_the_bundle_tells_no_names_and_lacks_the_last_layer(voice_bundle: Path) -> None:
    info = open_bundle(voice_bundle).info
    assert (info.task, info.labels, info.hop) == ("embed", (), None)
    assert info.embed is not None
    assert info.embed.size == 12
    assert set(info.embed.points) == {"equal_error", "low_false_accept"}
    assert [tensor.name for tensor in info.graphs["model"].outputs] == ["embedding"]
    for file in voice_bundle.iterdir():
        assert b"voice0" not in file.read_bytes(), file.name
        assert b"head.output" not in file.read_bytes(), file.name


def test_run_and_bundle_agree_on_other_voices(voice_run: Path, voice_bundle: Path) -> None:
    run, bundle = (evaluate(str(subject)) for subject in (voice_run, voice_bundle))
    assert (run["recordings"], run["speakers"], run["trials"]) == (18, 3, {"same": 45, "different": 108})
    assert run["metrics"] == pytest.approx(bundle["metrics"], abs=1e-3)
    assert run["metrics"]["eer"] < 0.25
    low, high = run["interval"]
    assert 0 <= low <= run["metrics"]["eer"] + 0.02
    assert high <= 1
    point = bundle["operating_points"]["equal_error"]
    assert 0 <= point["false_accept"]["low"] <= point["false_accept"]["value"] <= point["false_accept"]["high"] <= 1


def test_a_list_of_trials_takes_the_place_of_the_split(voice_bundle: Path, trials: str, tmp_path: Path) -> None:
    found = evaluate(str(voice_bundle), trials=trials, out=str(tmp_path / "out"))
    assert (found["recordings"], found["trials"]) == (5, {"same": 2, "different": 2})
    lines = (tmp_path / "out" / "trials.txt").read_text(encoding="ascii").splitlines()
    assert lines[2].split()[:3] == ["1", "c5", "c17"]


@pytest.mark.parametrize(
    ("text", "told"), [("1 c2\n", "line 1"), ("0 c2 nobody\n", "nobody"), ("1 c2 c14\n", "both sorts"), ("", "both")]
)
def test_a_wrong_list_is_told(voice_bundle: Path, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "t").write_text(text, encoding="ascii")
    with pytest.raises(DataError, match=told):
        evaluate(str(voice_bundle), trials=str(tmp_path / "t"))


def test_only_embedders_take_trials(tiny_run: Path, trials: str) -> None:
    with pytest.raises(ConfigError, match="no embedder"):
        evaluate(str(tiny_run), trials=trials)


def test_infer_gives_vectors_of_length_one(voice_run: Path, voice_bundle: Path) -> None:
    manifest = f"{open_run(str(voice_run)).config.data.corpus}/manifest.parquet"
    lines = list(infer(str(voice_bundle), [manifest]))
    assert len(lines) == 72
    assert set(lines[0]) == {"path", "model", "embedding", "duration_s"}
    assert np.linalg.norm(json.loads(json.dumps(lines[0]))["embedding"]) == pytest.approx(1, abs=1e-5)


def test_the_review_has_points_curves_and_the_worst_to_hear(voice_run: Path) -> None:
    review = voice_run / "review"
    points = json.loads((review / "thresholds.json").read_text(encoding="utf-8"))
    assert points["validation"]["low_false_accept"]["false_accept"]["value"] <= 0.01
    assert set(points) == {"validation", "test"}
    worst = json.loads((review / "worst.json").read_text(encoding="utf-8"))
    assert len(worst) == 2
    assert worst[0]["loss"] >= worst[1]["loss"]
    assert (review / worst[0]["file"]).is_file()


def test_what_it_costs_is_told_without_the_last_layer(voice_run: Path, voice_bundle: Path) -> None:
    trained = sum(parameter.numel() for parameter in open_run(str(voice_run)).load_model().parameters())
    assert measure(str(voice_bundle), runs=2)["params"] == trained - 6 * 12


def test_the_report_shows_curves_and_thresholds(voice_run: Path, tmp_path: Path) -> None:
    page = Path(report(str(voice_run), out=str(tmp_path / "report.html"))).read_text(encoding="utf-8")
    assert "Verification" in page
    assert "low_false_accept" in page
