import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sonant.config.experiment import Experiment
from sonant.errors import ConfigError, RunError
from sonant.tune.rows import Repeat, Trial
from sonant.tune.space import apply
from sonant.tune.sweep import Winner, create_sweep, open_sweep, reopen_sweep

TRIALS = [
    Trial(number=0, state="rejected", point={"n": 1}, costs={"macs_per_s": 9.0}, note="macs_per_s 9 > 8"),
    Trial(number=1, state="done", point={"n": 2}, costs={"macs_per_s": 5.0}, metrics={"accuracy": 0.8}, epochs=2),
    Trial(number=2, state="stopped", point={"n": 3}, costs={"macs_per_s": 3.0}, metrics={"accuracy": 0.6}, epochs=1),
    Trial(number=3, state="failed", point={"n": 4}, costs={"macs_per_s": 1.0}, metrics={"accuracy": 0.9}, note="nan"),
]


def test_a_sweep_is_read_back_as_it_was(searched: Callable[..., Experiment]) -> None:
    sweep = create_sweep(searched())
    for trial in TRIALS:
        sweep.record(trial)
    again = open_sweep(sweep.path)
    assert again == sweep
    assert list(again.trials.values()) == TRIALS


def test_the_table_tells_winner_and_front(searched: Callable[..., Experiment]) -> None:
    sweep = create_sweep(searched())
    for trial in TRIALS:
        sweep.record(trial)
    table = json.loads((Path(sweep.path) / "sweep.json").read_text())
    assert table["best"] == 1, "a failed trial cannot win"
    assert table["front"] == [1, 2]
    assert [row["state"] for row in table["trials"]] == ["rejected", "done", "stopped", "failed"]


def test_nan_is_written_as_null_and_read_as_unknown(searched: Callable[..., Experiment]) -> None:
    sweep = create_sweep(searched())
    sweep.record(Trial(number=0, state="done", point={}, metrics={"accuracy": 0.5, "loss": float("nan")}))
    table = json.loads((Path(sweep.path) / "sweep.json").read_text())
    assert table["trials"][0]["metrics"] == {"accuracy": 0.5, "loss": None}
    assert open_sweep(sweep.path).trials[0].metrics == {"accuracy": 0.5}


def test_trials_are_judged_by_the_objective_and_grouped(searched: Callable[..., Experiment]) -> None:
    sweep = create_sweep(searched(metric="loss", mode="min"))
    cfg = apply(sweep.base, {"model.width": 0.5})
    assert (cfg.train.metric, cfg.train.mode) == ("loss", "min")
    assert cfg.track.group == sweep.id
    assert cfg.tune is None
    assert cfg.model.outputs is None, "worked out for each network anew"
    assert sweep.run(3) == f"{sweep.path}/trials/3"


def test_a_search_needs_a_space(searched: Callable[..., Experiment]) -> None:
    with pytest.raises(ConfigError, match="no tune section"):
        create_sweep(searched().model_copy(update={"tune": None}))


def test_a_folder_without_a_table_is_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no sweep folder"):
        open_sweep(str(tmp_path))


def test_a_sweep_goes_on_for_more_trials_but_not_for_other_results(searched: Callable[..., Experiment]) -> None:
    sweep = create_sweep(searched())
    more = reopen_sweep(searched(trials=9, concurrent=1), sweep.path)
    assert more.settings.trials == 9
    assert open_sweep(sweep.path).settings.trials == 9
    assert more.path == sweep.path
    with pytest.raises(ConfigError, match="tune is not what"):
        reopen_sweep(searched(metric="uar"), sweep.path)
    with pytest.raises(ConfigError, match="train is not what"):
        reopen_sweep(searched(train={"epochs": 3}), sweep.path)


def test_until_all_seeds_are_there_the_best_trial_leads(searched: Callable[..., Experiment]) -> None:
    sweep = create_sweep(searched(confirm={"seeds": 2, "best": 2}))
    sweep.record(*TRIALS)
    assert sweep.wanted() == [(1, 1), (1, 2), (2, 1), (2, 2)]
    sweep.begin(sweep.left())
    assert sweep.under_way
    done = [
        Repeat(trial=trial, seed=seed, state="done", metrics={"accuracy": accuracy})
        for trial, seed, accuracy in ((1, 1, 0.5), (1, 2, 0.6), (2, 1, 0.6), (2, 2, 0.7))
    ]
    sweep.record(*done[:3])
    assert sweep.left() == [(2, 2)]
    assert sweep.winner() == Winner(1, f"{sweep.path}/trials/1")
    sweep.record(done[3])
    assert not sweep.under_way
    table = json.loads((Path(sweep.path) / "sweep.json").read_text())
    assert (table["best"], table["best_run"]) == (2, "repeats/2-seed2")
    assert [(each["trial"], each["mean"]["accuracy"]) for each in table["confirmed"]] == [
        (2, pytest.approx(0.65)),
        (1, pytest.approx(0.55)),
    ]
    assert open_sweep(sweep.path) == sweep


def test_more_seeds_are_all_that_is_left_and_what_failed_is_tried_again(searched: Callable[..., Experiment]) -> None:
    sweep = create_sweep(searched(confirm={"seeds": 2}))
    sweep.record(*TRIALS, Repeat(trial=1, seed=1, state="done", metrics={"accuracy": 0.5}))
    sweep.record(Repeat(trial=1, seed=2, state="failed", note="lost"), Repeat(trial=2, seed=1, state="running"))
    assert sweep.winner() is None, "it failed with a seed"
    more = reopen_sweep(searched(confirm={"seeds": 3}), sweep.path)
    assert more.left() == [(1, 2), (1, 3)]
    more.begin(more.left())
    assert sorted((key, row.state) for key, row in more.repeats.items()) == [
        ((1, 1), "done"),
        ((1, 2), "running"),
        ((1, 3), "running"),
    ], "what is not wanted any more is dropped"
