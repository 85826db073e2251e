"""A sweep in words: one line a trial while it runs, and what its best configs did with other seeds."""

from __future__ import annotations

import json
import math
from typing import Any

from sonant.config.tune import TuneConfig
from sonant.tune.confirm import Confirmed
from sonant.tune.rows import Repeat, Trial
from sonant.tune.space import Point
from sonant.tune.sweep import Sweep

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def line(sweep: Sweep, trial: Trial) -> str:
    """What became of a trial, what it was, and who leads."""
    settings, best = sweep.settings, sweep.leader()
    over = sum(other.state in {"done", "stopped", "failed"} for other in sweep.trials.values())
    parts = [f"trial {trial.number} {trial.state} ({over}/{settings.trials})", _figures(settings, trial)]
    if trial.note:
        parts.append(trial.note)
    parts.append(words(trial.point))
    if best is not None:
        parts.append(f"best so far: {best} ({_figures(settings, sweep.trials[best])})")
    return "  ".join(part for part in parts if part)


def again(sweep: Sweep, repeat: Repeat) -> str:
    """What became of a config with another seed; once it has all its seeds, their mean."""
    settings, wanted = sweep.settings, sweep.wanted()
    over = sum(sweep.repeats[key].state != "running" for key in wanted if key in sweep.repeats)
    parts = [f"trial {repeat.trial} with seed {repeat.seed} {repeat.state} ({over}/{len(wanted)})", repeat.note]
    if settings.metric in repeat.metrics:
        parts.insert(1, f"{settings.metric} {short(repeat.metrics[settings.metric])}")
    found = next(each for each in sweep.confirmed() if each.trial == repeat.trial)
    if found.complete and settings.metric in found.mean:
        parts.append(_spread(sweep, found))
    return "  ".join(part for part in parts if part)


def confirmed(sweep: Sweep) -> list[dict[str, Any]]:
    """What `sonant tune` shows of configs that were trained with other seeds, the best mean first."""
    metric = sweep.settings.metric
    return [
        {
            "trial": found.trial,
            "in_search": sweep.trials[found.trial].metrics.get(metric),
            "seeds": {repeat.seed: repeat.metrics.get(metric) for repeat in found.repeats},
            "mean": found.mean,
            "deviation": found.deviation,
            "over": found.over,
        }
        for found in sweep.confirmed()
    ]


def no_winner(sweep: Sweep) -> str:
    """Why a search has none."""
    metric, found = sweep.settings.metric, sweep.confirmed()
    if found and sweep.leader() is not None:
        over = [*(words for each in found for words in each.over), *(row.note for row in sweep.repeats.values())]
        message = f"none of {len(found)} configs gave a {metric} within the limits over all its seeds"
    else:
        over = [trial.note for trial in sweep.trials.values()]
        message = f"none of {len(sweep.trials)} trials gave a {metric} within the limits"
    notes = [note for note in over if note]
    return f"{message}: {notes[-1]}" if notes else message


def words(point: Point) -> str:
    """A point as it would be typed: train.lr=0.004 model.kind=bc_resnet."""
    return " ".join(f"{key}={_value(value)}" for key, value in point.items())


def short(number: float) -> str:
    """1234567 as 1.23M."""
    for size, prefix in _PREFIXES:
        if abs(number) >= size:
            return f"{number / size:.3g}{prefix}"
    return f"{number:.4g}"


def _spread(sweep: Sweep, found: Confirmed) -> str:
    metric = sweep.settings.metric
    each = " ".join(short(repeat.metrics[metric]) for repeat in found.repeats)
    alone = sweep.trials[found.trial].metrics.get(metric, math.nan)
    spread = f"mean {short(found.mean[metric])} deviation {short(found.deviation[metric])} ({each})"
    return f"{spread}, in the search {short(alone)}"


def _figures(settings: TuneConfig, trial: Trial) -> str:
    known = [(name, trial.values[name]) for name in (settings.metric, *settings.pareto) if name in trial.values]
    return " ".join(f"{name} {short(value)}" for name, value in known)


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value)
