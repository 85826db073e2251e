"""Points worth training: drawn, checked and priced. One that is over a cost is refused, remembered and replaced."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

import optuna

from sonant.errors import ConfigError
from sonant.train.run import resolve
from sonant.tune import objective
from sonant.tune.costs import costs
from sonant.tune.rows import Trial
from sonant.tune.sampler import Sampler
from sonant.tune.space import Point, apply
from sonant.tune.sweep import Sweep, point_of

_MOST_REFUSED_IN_A_ROW = 500


class Points:
    """The trials of a sweep one by one: those that were under way when it was stopped, then new ones."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep, self._cfg = sweep, sweep.settings
        earlier = [sweep.trials[number] for number in sorted(sweep.trials)]
        self._under_way = deque(trial for trial in earlier if trial.state == "running")
        self._asked: dict[int, optuna.Trial] = {}
        self._sampler = Sampler(self._cfg, sweep.base, told=len(earlier))
        for trial in earlier:
            if trial.state != "running":
                self._sampler.remember(point_of(trial, self._cfg), self._guidance(trial.values))

    @property
    def left(self) -> int:
        """Trials that are still to be run or finished."""
        over = sum(trial.state in {"done", "stopped", "failed"} for trial in self._sweep.trials.values())
        return max(0, self._cfg.trials - over)

    def next(self) -> Trial:
        """The next trial, entered in the sweep's table."""
        if self._under_way:
            return self._under_way.popleft()
        note = ""
        for _ in range(_MOST_REFUSED_IN_A_ROW):
            asked, point = self._sampler.ask()
            trial = self._price(point)
            self._sweep.record(trial)
            if trial.state == "running":
                self._asked[trial.number] = asked
                return trial
            self._sampler.tell(asked, self._guidance(trial.values))
            note = trial.note
        raise ConfigError(
            "config.invalid",
            f"{_MOST_REFUSED_IN_A_ROW} configs in a row were over tune.limits: {note} in the last one",
            hint="raise the limits, or add smaller networks to the space",
        )

    def judge(self, number: int, values: Mapping[str, float] | None) -> None:
        """Takes metrics and costs of a trial that has ended; None when it has none."""
        value = self._guidance(values or {})
        if number in self._asked:
            self._sampler.tell(self._asked.pop(number), value)
        else:
            self._sampler.remember(point_of(self._sweep.trials[number], self._cfg), value)

    def _price(self, point: Point) -> Trial:
        number = max(self._sweep.trials, default=-1) + 1
        found = costs(resolve(apply(self._sweep.base, point)), self._cfg)
        over = objective.violations(self._cfg.limits, found)
        return Trial(
            number=number, point=point, costs=found, state="rejected" if over else "running", note=", ".join(over)
        )

    def _guidance(self, values: Mapping[str, float]) -> float | None:
        """What the sampler is told: a point over a limit is bad, one that gave no number says nothing."""
        over = objective.violations(self._cfg.limits, values)
        if not over and math.isnan(values.get(self._cfg.metric, math.nan)):
            return None
        return objective.guidance(self._cfg, values)
