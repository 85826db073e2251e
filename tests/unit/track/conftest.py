"""What W&B keeps of a run, offline."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sonant.config.experiment import Experiment
from sonant.config.load import load
from sonant.track.events import read
from sonant.track.wandb import mirror


@pytest.fixture
def mirrored(tmp_path: Path) -> Callable[[Path], Path]:
    """Tells W&B of the examples and the end of a run, and gives the folder of the media it keeps."""
    wandb = pytest.importorskip("wandb")

    def tell_end(finished: Path) -> Path:
        run = tmp_path / "runs" / "one"
        shutil.copytree(finished, run, ignore=shutil.ignore_patterns("checkpoints", "bundles"))
        config: Experiment = load(Experiment, str(run / "config.yaml"), ["track.wandb=offline"])
        with mirror(str(run), config) as tell:
            for event in read(str(run)):
                if event["kind"] in ("examples", "end"):
                    tell(event)
        wandb.teardown()
        (media,) = (run / "wandb").glob("offline-run-*/files/media")
        return media

    return tell_end
