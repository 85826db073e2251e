import json
import shutil
from pathlib import Path

import pytest

from sonant.track.run_page import run_page

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path) -> Path:
    """A run folder that a test may change."""
    return Path(shutil.copytree(tiny_run, tmp_path / "run"))


def test_a_finished_run_is_all_there(run: Path) -> None:
    text = run_page(str(run))
    for heading in ("Training", "Scores of the best checkpoint", "Confusions", "Worst clips", "Setup"):
        assert f"<h2>{heading}</h2>" in text
    worst = json.loads((run / "review" / "worst.json").read_text())
    assert text.count("data:audio/wav;base64,") == len(worst) > 0
    assert text.count("data:image/png;base64,") == len(worst)
    assert "label (test)" in text, "scores by label"
    assert "2 / 2" in text, "epochs"
    assert "kind: tc_resnet" in text, "the config"


def test_words_of_others_stay_words(run: Path) -> None:
    for name in ("confusion.json", "worst.json"):
        file = run / "review" / name
        found = json.loads(file.read_text())
        if name == "confusion.json":
            found["labels"] = [HOSTILE, *found["labels"][1:]]
        else:
            found = [{**row, "id": HOSTILE, "label": HOSTILE, "predicted": HOSTILE} for row in found]
        file.write_text(json.dumps(found))
    assert "<script" not in run_page(str(run))


def test_a_run_that_is_under_way_shows_what_there_is(run: Path) -> None:
    shutil.rmtree(run / "review")
    lines = (run / "events.jsonl").read_text().splitlines(keepends=True)
    first_epoch = next(at for at, line in enumerate(lines) if json.loads(line)["kind"] == "epoch")
    for kept in (0, 1, first_epoch, first_epoch + 1):
        (run / "events.jsonl").write_text("".join(lines[:kept]))
        text = run_page(str(run))
        assert ">running<" in text
        assert "Worst clips" not in text
    assert "1 / 2" in text


def test_unknown_numbers_are_gaps(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    for event in lines:
        if event["kind"] == "epoch":
            event["metrics"]["accuracy"] = None
            event["train_loss"] = None
    (run / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in lines))
    text = run_page(str(run))
    assert '"nan' not in text
    assert " nan" not in text
