"""What a run's page says about a detector."""

import shutil
from pathlib import Path

from sonant.track.report import report


def test_the_page_of_a_detector(detect_run: Path, tmp_path: Path) -> None:
    page = Path(report(str(detect_run), out=str(tmp_path / "page.html"))).read_text()
    for word in ("test auc", "Detection", "Misses over false alarms", "low_fa", "false alarms an hour", "Worst clips"):
        assert word in page
    assert "Confusions" not in page


def test_a_review_without_a_picture_has_a_page_too(detect_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(detect_run, run, ignore=shutil.ignore_patterns("checkpoints", "det.png"))
    assert "DET curve" not in Path(report(str(run))).read_text()
