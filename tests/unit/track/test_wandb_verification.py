"""The review of an embedder in W&B, offline."""

import json
import shutil
from pathlib import Path

import pytest

from sonant.config.experiment import Experiment
from sonant.config.load import load
from sonant.track.events import read
from sonant.track.wandb import mirror

wandb = pytest.importorskip("wandb")


def test_thresholds_picture_and_worst_recordings_are_mirrored(voice_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "voices" / "one"
    shutil.copytree(voice_run, run, ignore=shutil.ignore_patterns("checkpoints", "bundles"))
    config = load(Experiment, str(run / "config.yaml"), ["track.wandb=offline"])
    (end,) = [event for event in read(str(run)) if event["kind"] == "end"]
    with mirror(str(run), config) as tell:
        tell(end)
    wandb.teardown()
    (media,) = (run / "wandb").glob("offline-run-*/files/media")
    (table,) = media.glob("table/operating_points_*.table.json")
    rows = json.loads(table.read_text())["data"]
    points = ("equal_error", "low_false_accept")
    assert {(row[0], row[1]) for row in rows} == {(split, name) for split in ("validation", "test") for name in points}
    assert len(list(media.glob("images/det_*.png"))) == 1
    assert len(list(media.glob("audio/worst/*.wav"))) == 2
