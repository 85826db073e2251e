"""The review of a detector in W&B, offline."""

import json
from collections.abc import Callable
from pathlib import Path


def test_points_picture_and_worst_clips_are_mirrored(detect_run: Path, mirrored: Callable[[Path], Path]) -> None:
    media = mirrored(detect_run)
    (table,) = media.glob("table/operating_points_*.table.json")
    rows = json.loads(table.read_text())["data"]
    assert {(row[0], row[1], row[2]) for row in rows} == {
        (split, point, "speech") for split in ("validation", "test") for point in ("balanced", "low_fa")
    }
    assert len(list(media.glob("images/det_*.png"))) == 1
    assert len(list(media.glob("audio/worst/*.wav"))) == 2
