from collections.abc import Callable
from typing import Any

import pytest

from sonant.config.experiment import Experiment
from sonant.config.tune import Choice, Confirm, Limit, TuneConfig
from sonant.data.corpus import Corpus
from sonant.data.split import split
from sonant.tune.confirm import chosen, keys, reseeded, summary, winner
from sonant.tune.rows import Key, Repeat, Trial

TRIALS = {
    0: Trial(number=0, state="done", point={"a": 1}, costs={"params": 9.0}, metrics={"accuracy": 0.9}),
    1: Trial(number=1, state="stopped", point={"a": 2}, costs={"params": 5.0}, metrics={"accuracy": 0.8}),
    2: Trial(number=2, state="done", point={"a": 1}, costs={"params": 9.0}, metrics={"accuracy": 0.85}),
    3: Trial(number=3, state="done", point={"a": 3}, costs={"params": 7.0}, metrics={"accuracy": 0.7}),
    4: Trial(number=4, state="done", point={"a": 4}, costs={"params": 99.0}, metrics={"accuracy": 0.99}),
}
JUDGED = {number: trial.values for number, trial in TRIALS.items()}
SMALL = Limit(metric="params", max=10.0)


def settings(**changes: Any) -> TuneConfig:
    return TuneConfig(space={"a": Choice(values=(1,))}, **{"pareto": ("params",), "limits": (SMALL,), **changes})


def repeats(trial: int, *values: float, name: str = "accuracy", **others: float) -> dict[Key, Repeat]:
    rows = [
        Repeat(trial=trial, seed=seed, state="done", metrics={name: value, **others})
        for seed, value in enumerate(values)
    ]
    return {row.key: row for row in rows}


def test_the_best_that_keep_the_limits_are_chosen_and_none_twice() -> None:
    assert chosen(settings(), Confirm(best=3), TRIALS, JUDGED) == [0, 1, 3], "2 is 0 again, 4 is over the limit"
    assert chosen(settings(), Confirm(), TRIALS, JUDGED) == [0]
    assert chosen(settings(mode="min"), Confirm(), TRIALS, JUDGED) == [3]


def test_of_the_front_only_what_no_other_beats() -> None:
    assert chosen(settings(), Confirm(best=3, among="front"), TRIALS, JUDGED) == [0, 1], (
        "1 is cheaper and better than 3"
    )
    assert chosen(settings(pareto=()), Confirm(best=3, among="front"), TRIALS, JUDGED) == [0]


def test_seeds_are_others_than_that_of_the_search() -> None:
    assert keys([4, 1], Confirm(seeds=2), 7) == [(4, 8), (4, 9), (1, 8), (1, 9)]


def test_the_mean_over_seeds_names_the_winner_not_the_luckiest_trial() -> None:
    found = summary(settings(), Confirm(), TRIALS, repeats(0, 0.5, 0.6, 0.7) | repeats(1, 0.8, 0.7, 0.6))
    assert [each.trial for each in found] == [1, 0]
    assert found[0].mean == {"params": 5.0, "accuracy": pytest.approx(0.7)}
    assert found[0].deviation == {"accuracy": pytest.approx(0.1)}
    best = winner(settings(), found)
    assert best is not None
    assert (best.trial, best.best(settings()), best.best(settings(mode="min"))) == (1, 0, 2)


def test_less_is_better_where_the_objective_should_fall() -> None:
    cfg = settings(mode="min")
    best = winner(cfg, summary(cfg, Confirm(), TRIALS, repeats(0, 0.5, 0.6, 0.7) | repeats(1, 0.8, 0.7, 0.6)))
    assert best is not None
    assert best.trial == 0


def test_limits_hold_for_the_means() -> None:
    cfg = settings(limits=(SMALL, Limit(metric="loss", max=1.0)))
    rows = repeats(0, 0.9, 0.9, 0.9, loss=1.5) | repeats(1, 0.8, 0.8, 0.8, loss=0.5)
    found = summary(cfg, Confirm(), TRIALS, rows)
    assert [(each.trial, each.over) for each in found] == [(1, []), (0, ["loss 1.5 > 1"])]
    best = winner(cfg, found)
    assert best is not None
    assert best.trial == 1
    assert winner(cfg, [found[1]]) is None


def test_a_config_that_fails_with_a_seed_cannot_win() -> None:
    failed = Repeat(trial=0, seed=2, state="failed", note="the loss is nan")
    found = summary(settings(), Confirm(), TRIALS, repeats(0, 0.9, 0.9) | {failed.key: failed})
    assert not found[0].complete
    assert winner(settings(), found) is None


def test_another_seed_is_judged_on_the_same_speakers(searched: Callable[..., Experiment]) -> None:
    cfg: Experiment = searched()
    by_chance = cfg.data.split.model_copy(update={"kind": "random_speakers", "validation": 0.2, "test": 0.2})
    cfg = cfg.model_copy(update={"data": cfg.data.model_copy(update={"split": by_chance})})
    corpus = Corpus.open(cfg.data.corpus)

    def sides(config: Experiment) -> list[list[int]]:
        return [rows.tolist() for rows in split(corpus, config.data.split, config.seed)]

    others = [reseeded(cfg, seed) for seed in (1, 2, 3)]
    assert [other.seed for other in others] == [1, 2, 3]
    assert all(sides(other) == sides(cfg) for other in others)
    assert any(sides(cfg.model_copy(update={"seed": seed})) != sides(cfg) for seed in (1, 2, 3))
    assert reseeded(others[0], 5).data.split.seed == 0, "the split's own seed stays"
