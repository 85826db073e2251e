import numpy as np

from sonant.config.tune import Choice, Float, TuneConfig
from sonant.tune.importance import epsilon_squared, importances


def test_a_key_that_decides_all_explains_all() -> None:
    assert epsilon_squared([0, 0, 1, 1], [1.0, 1.0, 2.0, 2.0]) == 1.0


def test_a_key_that_decides_nothing_explains_nothing() -> None:
    rng = np.random.default_rng(0)
    groups = [0, 1, 2] * 4
    shares = [epsilon_squared(groups, list(rng.standard_normal(12))) for _ in range(100)]
    assert np.mean([share for share in shares if share is not None]) < 0.1, "chance alone would give 0.18"


def test_groups_of_one_say_nothing() -> None:
    assert epsilon_squared([0, 1], [1.0, 2.0]) is None
    assert epsilon_squared([0, 0], [1.0, 2.0]) is None
    assert epsilon_squared([0, 0, 1, 1], [1.0, 1.0, 1.0, 1.0]) is None
    assert epsilon_squared([], []) is None


def test_keys_are_ranked_and_conditional_keys_compared_where_they_exist() -> None:
    rng = np.random.default_rng(0)
    cfg = TuneConfig(
        space={
            "idle": Float(low=0, high=1),
            "kind": Choice(values=("a", {"b": 1})),
            "lr": Float(low=1e-4, high=1e-1, log=True),
            "never": Float(low=0, high=1),
        }
    )
    trials = []
    for _ in range(200):
        point = {"idle": rng.uniform(), "kind": "a" if rng.integers(2) else {"b": 1}, "lr": 10 ** rng.uniform(-4, -1)}
        objective = 0.3 * (point["kind"] == "a") - 0.1 * abs(np.log10(point["lr"]) + 2.5) + 0.01 * rng.standard_normal()
        trials.append((point, {"accuracy": objective}))
    shares = importances(cfg, [*trials, ({"idle": 0.5}, {"accuracy": float("nan")}), ({}, {})])
    assert list(shares) == ["kind", "lr", "idle"]
    assert shares["kind"] > 0.7
    assert shares["idle"] < 0.1
