"""Every experiment that ships trains with its own smoke set, on a corpus made by that of `prepare words`."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonant.config.experiment import Experiment
from sonant.config.load import load, names
from sonant.config.prepare import PrepareConfig
from sonant.data.prepare import prepare
from sonant.train.local import fit_local

EXPERIMENTS = [name for name in names() if name.startswith(("kws/", "embed/")) and not name.endswith("_search")]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = str(tmp_path_factory.mktemp("data") / "words")
    prepare(load(PrepareConfig, "prepare/words", [f"out={out}"], smoke=True))
    return out


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_smoke_set_trains(name: str, corpus: str, tmp_path: Path) -> None:
    overrides = [f"data.corpus={corpus}", f"track.runs={tmp_path}", "track.wandb=off"]
    config = load(Experiment, name, overrides, smoke=True)
    result = fit_local(config)
    assert 0.0 <= result.metrics["validation"][config.train.metric] <= 1.0
    assert (Path(result.path) / "checkpoints" / "best" / "model.safetensors").stat().st_size > 10_000
