from collections.abc import Callable

import pytest

from sonant.config.experiment import Experiment
from sonant.errors import ConfigError
from sonant.tune import points as module
from sonant.tune.points import Points
from sonant.tune.sweep import create_sweep, open_sweep


def test_trials_are_numbered_priced_and_entered(searched: Callable[..., Experiment]) -> None:
    sweep = create_sweep(searched())
    points = Points(sweep)
    trials = [points.next() for _ in range(3)]
    assert [trial.number for trial in trials] == [0, 1, 2]
    assert all(trial.costs["params"] > 0 for trial in trials)
    assert open_sweep(sweep.path).trials == {trial.number: trial for trial in trials}


def test_a_point_over_a_cost_is_refused_and_replaced(searched: Callable[..., Experiment]) -> None:
    free = Points(create_sweep(searched()))
    costs = {trial.point["model.width"]: trial.costs["params"] for trial in (free.next() for _ in range(12))}
    limit = (costs[0.25] + costs[2.0]) / 2
    sweep = create_sweep(searched(limits=[{"metric": "params", "max": limit}]))
    points = Points(sweep)
    accepted = [points.next() for _ in range(6)]
    assert all(trial.point["model.width"] == 0.25 for trial in accepted)
    refused = [trial for trial in sweep.trials.values() if trial.state == "rejected"]
    assert refused
    assert all(trial.point["model.width"] == 2.0 and trial.note.startswith("params") for trial in refused)
    assert points.left == 3, "refused points are not trials"


def test_limits_that_nothing_keeps_are_a_mistake(
    searched: Callable[..., Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_REFUSED_IN_A_ROW", 5)
    points = Points(create_sweep(searched(limits=[{"metric": "params", "max": 1}])))
    with pytest.raises(ConfigError, match=r"5 configs in a row .* params"):
        points.next()


def test_a_wrong_key_in_the_space_ends_the_search(searched: Callable[..., Experiment]) -> None:
    space = {"model.widht": {"kind": "float", "low": 0.5, "high": 1}}
    with pytest.raises(ConfigError, match=r"did you mean width"):
        Points(create_sweep(searched(space=space))).next()


def test_a_search_that_goes_on_finishes_what_was_under_way_first(searched: Callable[..., Experiment]) -> None:
    sweep = create_sweep(searched(trials=4))
    points = Points(sweep)
    trials = [points.next() for _ in range(3)]
    done = trials[1].model_copy(update={"state": "done", "metrics": {"accuracy": 0.5}})
    sweep.record(done)
    points.judge(1, done.values)

    again = Points(open_sweep(sweep.path))
    assert again.left == 3
    assert [again.next() for _ in range(2)] == [trials[0], trials[2]]
    new = again.next()
    assert new.number == 3
    assert new.point not in [trial.point for trial in trials]
    again.judge(0, {"accuracy": 0.7})  # was drawn in the first sitting
    again.judge(3, None)
