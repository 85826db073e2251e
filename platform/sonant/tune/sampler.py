"""Where the next point comes from: Optuna, asked and told, with conditions that are real.

A key whose condition does not hold is not drawn, so TPE (Bergstra et al. 2011) learns about it only from trials that
had it. What was found out earlier can be told again, which is all that continuing a search takes: no sampler is ever
pickled.
"""

from __future__ import annotations

import json
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from sonant.config.load import Tree
from sonant.config.tune import Choice, Dimension, Float, Int, TuneConfig
from sonant.tune.space import Point, draw


class Sampler:
    """Points of one search."""

    def __init__(self, cfg: TuneConfig, base: Tree, *, told: int = 0) -> None:
        """`told`: trials of earlier sittings; they change the seed, so that no draw is repeated."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._cfg, self._base = cfg, base
        seed = cfg.seed + told
        samplers = {
            # Trials that are still running count as bad, so that trials at once do not crowd around one point.
            "tpe": lambda: optuna.samplers.TPESampler(seed=seed, constant_liar=True),
            "random": lambda: optuna.samplers.RandomSampler(seed=seed),
        }
        direction = "maximize" if cfg.mode == "max" else "minimize"
        self._study = optuna.create_study(direction=direction, sampler=samplers[cfg.searcher]())

    def ask(self) -> tuple[optuna.Trial, Point]:
        """A new point, and what to hand to `tell` with its result."""
        asked = self._study.ask()
        return asked, draw(self._cfg.space, self._base, lambda key, dimension: _suggest(asked, key, dimension))

    def tell(self, asked: optuna.Trial, value: float | None) -> None:
        """The result of a point; None when there is none."""
        self._study.tell(asked, value, state=TrialState.COMPLETE if value is not None else TrialState.FAIL)

    def remember(self, point: Point, value: float | None) -> None:
        """A point that was tried in an earlier sitting, and its result."""
        space = {key: self._cfg.space[key] for key in point}
        self._study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.COMPLETE if value is not None else TrialState.FAIL,
                params={key: _label(point[key]) if isinstance(space[key], Choice) else point[key] for key in space},
                distributions={key: _distribution(dimension) for key, dimension in space.items()},
                value=value,
            )
        )


def _suggest(asked: optuna.Trial, key: str, dimension: Dimension) -> Any:
    match dimension:
        case Choice(values=values):
            by_label = {_label(value): value for value in values}
            return by_label[str(asked.suggest_categorical(key, list(by_label)))]
        case Float(low=low, high=high, log=log):
            return asked.suggest_float(key, low, high, log=log)
        case Int(low=low, high=high, log=log):
            return asked.suggest_int(key, low, high, log=log)


def _distribution(dimension: Dimension) -> BaseDistribution:
    match dimension:
        case Choice(values=values):
            return CategoricalDistribution([_label(value) for value in values])
        case Float(low=low, high=high, log=log):
            return FloatDistribution(low, high, log=log)
        case Int(low=low, high=high, log=log):
            return IntDistribution(low, high, log=log)


def _label(value: Any) -> str:
    """Optuna's choices are plain values; ours may be whole sections."""
    return json.dumps(value, sort_keys=True)
