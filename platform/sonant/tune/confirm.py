"""Which configs of a search are trained again with other seeds, and what their means say.

The best of many single runs is lucky as well as good: its figure is the greatest of as many draws of chance, and the
runner-up may be the better config. Seeds that the search did not use know nothing of that luck, so means over them are
fair, and they name the winner. Speakers, items and labels of validation stay those of the search; the test set is
nothing that is looked at here.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sonant.config.experiment import Experiment
from sonant.config.tune import Confirm, TuneConfig
from sonant.tune import objective
from sonant.tune.rows import Key, Repeat, Trial

Values = Mapping[int, Mapping[str, float]]
"""Metrics and costs by number of the trial."""


@dataclass(frozen=True)
class Confirmed:
    """A config that was trained again, or is about to be."""

    trial: int
    repeats: tuple[Repeat, ...]
    """Those that are done, by seed."""
    complete: bool
    """Whether as many seeds as were asked for are among them."""
    mean: dict[str, float]
    """Over these seeds, of each metric that all have; the network's costs are among it."""
    deviation: dict[str, float]
    """Standard deviation of the seeds (n - 1) by metric; from two seeds on."""
    over: list[str]
    """What is over its limit on average, in words."""

    def best(self, cfg: TuneConfig) -> int:
        """The seed that came out best."""
        sign = -1.0 if cfg.mode == "max" else 1.0
        return min(self.repeats, key=lambda repeat: (sign * repeat.metrics[cfg.metric], repeat.seed)).seed

    def told(self) -> dict[str, Any]:
        """As sweep.json has it."""
        names = ("trial", "complete", "mean", "deviation", "over")
        return {**{name: getattr(self, name) for name in names}, "seeds": [repeat.seed for repeat in self.repeats]}


def chosen(cfg: TuneConfig, confirm: Confirm, trials: Mapping[int, Trial], judged: Values) -> list[int]:
    """Trials whose configs are worth a second look, best first; of the same config, drawn twice, the better one."""
    ranked = objective.ranked(cfg, judged)
    if confirm.among == "front":
        front = set(objective.front(cfg, judged))
        ranked = [number for number in ranked if number in front]
    by_point: dict[str, int] = {}
    for number in ranked:
        by_point.setdefault(json.dumps(trials[number].point, sort_keys=True), number)
    return list(by_point.values())[: confirm.best]


def keys(numbers: list[int], confirm: Confirm, seed: int) -> list[Key]:
    """What is to be trained: each trial with the seeds behind that of the search."""
    return [(number, seed + step) for number in numbers for step in range(1, confirm.seeds + 1)]


def reseeded(cfg: Experiment, seed: int) -> Experiment:
    """The config with another seed, judged on the same speakers and items."""
    kept = cfg.seed if cfg.data.split.seed is None else cfg.data.split.seed
    split = cfg.data.split.model_copy(update={"seed": kept})
    return cfg.model_copy(update={"seed": seed, "data": cfg.data.model_copy(update={"split": split})})


def summary(
    cfg: TuneConfig, confirm: Confirm, trials: Mapping[int, Trial], repeats: Mapping[Key, Repeat]
) -> list[Confirmed]:
    """All configs that were trained again: complete ones that keep the limits first, the best mean before others."""
    found: dict[int, Confirmed] = {}
    for number in dict.fromkeys(trial for trial, _ in sorted(repeats)):
        done = tuple(repeats[key] for key in sorted(repeats) if key[0] == number and repeats[key].state == "done")
        found[number] = _over_seeds(cfg, confirm, trials[number], done)
    order = _ranked(cfg, found)
    return [found[number] for number in [*order, *(number for number in found if number not in order)]]


def winner(cfg: TuneConfig, found: list[Confirmed]) -> Confirmed | None:
    """The config with the best mean of those that keep the limits on average, with all seeds; None where none does."""
    by_number = {confirmed.trial: confirmed for confirmed in found}
    order = _ranked(cfg, by_number)
    return by_number[order[0]] if order else None


def _over_seeds(cfg: TuneConfig, confirm: Confirm, trial: Trial, done: tuple[Repeat, ...]) -> Confirmed:
    by_name = {
        name: [repeat.metrics[name] for repeat in done]
        for name in (done[0].metrics if done else {})
        if all(name in repeat.metrics for repeat in done)
    }
    mean = {**trial.costs, **{name: statistics.fmean(values) for name, values in by_name.items()}}
    deviation = {name: statistics.stdev(values) for name, values in by_name.items() if len(values) > 1}
    complete = len(done) >= confirm.seeds
    over = objective.violations(cfg.limits, mean) if done else []
    return Confirmed(trial.number, done, complete, mean, deviation, over)


def _ranked(cfg: TuneConfig, found: Mapping[int, Confirmed]) -> list[int]:
    return objective.ranked(cfg, {number: each.mean for number, each in found.items() if each.complete})
