"""The review of an embedder in W&B, offline."""

import json
from collections.abc import Callable
from pathlib import Path


def test_thresholds_picture_and_worst_recordings_are_mirrored(
    voice_run: Path, mirrored: Callable[[Path], Path]
) -> None:
    media = mirrored(voice_run)
    (table,) = media.glob("table/operating_points_*.table.json")
    rows = json.loads(table.read_text())["data"]
    points = ("equal_error", "low_false_accept")
    assert {(row[0], row[1]) for row in rows} == {(split, name) for split in ("validation", "test") for name in points}
    assert len(list(media.glob("images/det_*.png"))) == 1
    assert len(list(media.glob("audio/worst/*.wav"))) == 2
