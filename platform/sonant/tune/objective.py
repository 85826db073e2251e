"""What makes one trial better than another: the objective first of all, and limits that no winner may break."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sonant.config.tune import Limit, TuneConfig

_BEYOND_ANY_METRIC = 1e6


def violations(limits: Sequence[Limit], values: Mapping[str, float]) -> list[str]:
    """What is over its limit, in words; a limit on something not known yet is not broken yet."""
    broken: list[str] = []
    for limit in limits:
        value = values.get(limit.metric)
        if value is None:
            continue
        # Written so that NaN breaks every limit.
        if limit.max is not None and not value <= limit.max:
            broken.append(f"{limit.metric} {value:.4g} > {limit.max:.4g}")
        if limit.min is not None and not value >= limit.min:
            broken.append(f"{limit.metric} {value:.4g} < {limit.min:.4g}")
    return broken


def excess(limits: Sequence[Limit], values: Mapping[str, float]) -> float:
    """How far over its limits something is: the sum of the relative excesses, 0 when it keeps them all."""
    total = 0.0
    for limit in limits:
        value = values.get(limit.metric, math.nan)
        if math.isnan(value):
            continue
        if limit.max is not None:
            total += max(0.0, value - limit.max) / max(abs(limit.max), 1e-12)
        if limit.min is not None:
            total += max(0.0, limit.min - value) / max(abs(limit.min), 1e-12)
    return total


def guidance(cfg: TuneConfig, values: Mapping[str, float]) -> float:
    """The number that the searcher is told: the objective, or, over a limit, worse than any objective and the worse
    the further. Samplers only compare, so the size of the step does not matter."""
    if not violations(cfg.limits, values):
        return values[cfg.metric]
    penalty = _BEYOND_ANY_METRIC * (1.0 + excess(cfg.limits, values))
    return -penalty if cfg.mode == "max" else penalty


def winner(cfg: TuneConfig, trials: Mapping[int, Mapping[str, float]]) -> int | None:
    """The number of the best trial that is known to keep all limits, given metrics and costs by number."""
    return next(iter(ranked(cfg, trials)), None)


def ranked(cfg: TuneConfig, trials: Mapping[int, Mapping[str, float]]) -> list[int]:
    """All trials that are known to keep all limits, the best first. Ties go to the cheaper trial, then to the earlier
    one."""
    known = {
        number: rank
        for number, rank in _ranks(cfg, trials).items()
        if all(limit.metric in trials[number] for limit in cfg.limits)
    }
    return sorted(known, key=lambda number: (known[number], number))


def front(cfg: TuneConfig, trials: Mapping[int, Mapping[str, float]]) -> list[int]:
    """The trials that no other beats in the objective and all costs of `pareto` at once, best objective first."""
    ranks = _ranks(cfg, trials)

    def beaten(rank: tuple[float, ...]) -> bool:
        return any(other != rank and all(a <= b for a, b in zip(other, rank, strict=True)) for other in ranks.values())

    return sorted((number for number, rank in ranks.items() if not beaten(rank)), key=lambda n: (ranks[n], n))


def _ranks(cfg: TuneConfig, trials: Mapping[int, Mapping[str, float]]) -> dict[int, tuple[float, ...]]:
    """Objective and costs of the trials that break no limit, all turned so that less is better."""
    sign = -1.0 if cfg.mode == "max" else 1.0
    return {
        number: (sign * values[cfg.metric], *(values.get(cost, math.inf) for cost in cfg.pareto))
        for number, values in trials.items()
        if not math.isnan(values.get(cfg.metric, math.nan)) and not violations(cfg.limits, values)
    }
