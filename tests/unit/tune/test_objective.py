import math
from typing import Any

from sonant.config.tune import Choice, Limit, TuneConfig
from sonant.tune.objective import excess, front, guidance, violations, winner


def settings(**changes: Any) -> TuneConfig:
    return TuneConfig(space={"a": Choice(values=(1,))}, **changes)


LIMITS = (Limit(metric="macs_per_s", max=100.0), Limit(metric="uar", min=0.5))


def test_violations_say_what_is_over() -> None:
    assert violations(LIMITS, {"macs_per_s": 101.0, "uar": 0.4}) == ["macs_per_s 101 > 100", "uar 0.4 < 0.5"]
    assert violations(LIMITS, {"macs_per_s": 100.0, "uar": 0.5}) == []


def test_nan_breaks_a_limit_and_the_unknown_does_not() -> None:
    assert violations(LIMITS, {"macs_per_s": math.nan, "uar": math.nan}) == ["macs_per_s nan > 100", "uar nan < 0.5"]
    assert violations(LIMITS, {}) == []


def test_excess_grows_with_the_distance() -> None:
    assert excess(LIMITS, {"macs_per_s": 100.0}) == 0.0
    assert excess(LIMITS, {"macs_per_s": 150.0}) == 0.5
    assert excess(LIMITS, {"macs_per_s": 150.0, "uar": 0.25}) == 1.0


def test_searchers_are_told_that_the_worst_is_better_than_over_a_limit() -> None:
    for mode, sign in (("max", 1), ("min", -1)):
        cfg = settings(limits=LIMITS, mode=mode, metric="loss")
        kept = sign * guidance(cfg, {"loss": -sign * 1e5, "macs_per_s": 1.0})
        over = sign * guidance(cfg, {"macs_per_s": 101.0})
        far_over = sign * guidance(cfg, {"macs_per_s": 200.0})
        assert kept > over > far_over


def test_a_violator_never_wins() -> None:
    cfg = settings(limits=LIMITS)
    trials = {
        0: {"accuracy": 0.99, "macs_per_s": 101.0, "uar": 0.9},
        1: {"accuracy": 0.98, "macs_per_s": 10.0, "uar": 0.4},
        2: {"accuracy": 0.70, "macs_per_s": 10.0, "uar": 0.6},
        3: {"accuracy": 0.97, "macs_per_s": 10.0},  # nobody knows its uar
        4: {"accuracy": math.nan, "macs_per_s": 10.0, "uar": 0.6},
        5: {"macs_per_s": 10.0, "uar": 0.6},
    }
    assert winner(cfg, trials) == 2
    assert winner(cfg, {0: trials[0]}) is None
    assert winner(cfg, {}) is None


def test_the_winner_is_the_best_by_mode_then_the_cheapest_then_the_first() -> None:
    trials = {
        7: {"accuracy": 0.9, "macs_per_s": 5.0},
        3: {"accuracy": 0.9, "macs_per_s": 4.0},
        5: {"accuracy": 0.9, "macs_per_s": 4.0},
        1: {"accuracy": 0.2, "macs_per_s": 1.0},
    }
    assert winner(settings(), trials) == 3
    assert winner(settings(mode="min"), trials) == 1


def test_the_front_holds_what_nothing_beats() -> None:
    cfg = settings(limits=(Limit(metric="params", max=50.0),), pareto=("macs_per_s",))
    trials = {
        0: {"accuracy": 0.9, "macs_per_s": 9.0},
        1: {"accuracy": 0.8, "macs_per_s": 5.0},
        2: {"accuracy": 0.7, "macs_per_s": 6.0},  # beaten by 1
        3: {"accuracy": 0.6, "macs_per_s": 1.0},
        4: {"accuracy": 0.99, "macs_per_s": 1.0, "params": 60.0},  # over a limit
        5: {"accuracy": 0.8, "macs_per_s": 5.0},  # as good as 1
    }
    assert front(cfg, trials) == [0, 1, 5, 3]
