import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sonant.config.experiment import Experiment
from sonant.track.events import history, read
from sonant.train import checkpoint
from sonant.train.run import open_run
from sonant.tune.sweep import create_sweep
from sonant.tune.trial import OBJECTIVE, run_trial

POINT = {"model.width": 0.25, "train.lr": 0.02}


class Stop(BaseException):
    """What a scheduler does to a trial: it leaves where it reports."""


def test_a_trial_is_a_run_that_tells_how_it_stands(searched: Callable[..., Experiment]) -> None:
    sweep = create_sweep(searched())
    told: list[dict[str, Any]] = []
    run_trial(sweep.path, 4, POINT, lambda standing, _: told.append(standing))
    assert [(at["state"], at["epochs"]) for at in told] == [("running", 1), ("running", 2), ("done", 2)]
    assert all(at[OBJECTIVE] == at["metrics"]["accuracy"] for at in told)
    assert told[0][OBJECTIVE] <= told[1][OBJECTIVE]
    assert told[-1]["seconds"] > 0
    run = open_run(sweep.run(4))
    assert run.config.train.lr == 0.02
    assert run.config.model.outputs == 3
    assert run.config.track.group == sweep.id
    assert read(run.path)[-1]["kind"] == "end"
    assert (Path(run.path) / "environment.json").is_file()


@pytest.mark.parametrize("seed", [None, 3])
def test_a_trial_that_is_cut_short_goes_on_from_its_last_epoch(
    searched: Callable[..., Experiment], seed: int | None
) -> None:
    cfg = searched(train={"epochs": 3})
    whole, cut = create_sweep(cfg), create_sweep(cfg)
    reference: list[dict[str, Any]] = []
    run_trial(whole.path, 0, POINT, lambda standing, _: reference.append(standing), seed=seed)

    def stop(standing: dict[str, Any], _: str | None) -> None:
        raise Stop

    with pytest.raises(Stop):
        run_trial(cut.path, 0, POINT, stop, seed=seed)
    told: list[dict[str, Any]] = []
    run_trial(cut.path, 0, POINT, lambda standing, _: told.append(standing), seed=seed)
    assert [at["epochs"] for at in told] == [2, 3, 3], "the first epoch is not done again"
    assert [at["metrics"] for at in told] == [at["metrics"] for at in reference[1:]], "bit for bit"
    config = open_run(cut.run(0, seed)).config
    assert (config.seed, config.data.split.seed) == ((0, None) if seed is None else (3, 0))


def test_divergence_ends_the_trial_and_is_told(searched: Callable[..., Experiment]) -> None:
    sweep = create_sweep(searched())
    told: list[dict[str, Any]] = []
    run_trial(sweep.path, 0, {**POINT, "train.lr": 1e38}, lambda standing, _: told.append(standing))
    assert [at["state"] for at in told] == ["failed"]
    assert "loss is nan" in told[0]["note"]
    assert math.isnan(told[0][OBJECTIVE])


def test_a_population_takes_over_weights_and_changes_the_rate(searched: Callable[..., Experiment]) -> None:
    scheduler = {"kind": "pbt", "every_epochs": 2, "mutate": ["train.lr"]}
    sweep = create_sweep(searched(train={"epochs": 4}, scheduler=scheduler))
    snapshots: list[str | None] = []
    run_trial(sweep.path, 0, POINT, lambda _, snapshot: snapshots.append(snapshot))
    assert [Path(snapshot).name if snapshot else None for snapshot in snapshots] == [None, "2", None, "4", None]
    given = snapshots[1]
    assert given is not None

    told: list[dict[str, Any]] = []
    run_trial(sweep.path, 1, {**POINT, "train.lr": 0.005}, lambda standing, _: told.append(standing), start=given)
    assert [at["epochs"] for at in told] == [3, 4, 4], "goes on where the other was"
    events = history(read(sweep.run(1)))
    assert events[0]["kind"] == "start"
    assert events[0]["step"] == checkpoint.load(f"{given}/last").state["progress"]["step"]
    assert max(event["lr"] for event in events if event["kind"] == "step") < 0.005
    assert open_run(sweep.run(1)).config.train.lr == 0.005


def test_old_snapshots_are_removed(searched: Callable[..., Experiment]) -> None:
    scheduler = {"kind": "pbt", "every_epochs": 1, "mutate": ["train.lr"]}
    sweep = create_sweep(searched(train={"epochs": 5}, scheduler=scheduler))
    run_trial(sweep.path, 0, POINT, lambda _, __: None)
    left = sorted(path.name for path in (Path(sweep.run(0)) / "population").iterdir())
    assert left == ["3", "4", "5"]
    assert json.loads((Path(sweep.run(0)) / "population" / "5" / "last" / "state.json").read_text())["format"] == 1
