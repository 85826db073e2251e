"""A sweep in words: one line a trial while it runs."""

from __future__ import annotations

import json

from sonant.config.tune import TuneConfig
from sonant.tune.space import Point
from sonant.tune.sweep import Sweep, Trial

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def line(sweep: Sweep, trial: Trial) -> str:
    """What became of a trial, what it was, and who leads."""
    settings, best = sweep.settings, sweep.best()
    over = sum(other.state in {"done", "stopped", "failed"} for other in sweep.trials.values())
    parts = [f"trial {trial.number} {trial.state} ({over}/{settings.trials})", _figures(settings, trial)]
    if trial.note:
        parts.append(trial.note)
    parts.append(words(trial.point))
    if best is not None:
        parts.append(f"best so far: {best} ({_figures(settings, sweep.trials[best])})")
    return "  ".join(part for part in parts if part)


def words(point: Point) -> str:
    """A point as it would be typed: train.lr=0.004 model.kind=bc_resnet."""
    return " ".join(f"{key}={_value(value)}" for key, value in point.items())


def short(number: float) -> str:
    """1234567 as 1.23M."""
    for size, prefix in _PREFIXES:
        if abs(number) >= size:
            return f"{number / size:.3g}{prefix}"
    return f"{number:.4g}"


def _figures(settings: TuneConfig, trial: Trial) -> str:
    known = [(name, trial.values[name]) for name in (settings.metric, *settings.pareto) if name in trial.values]
    return " ".join(f"{name} {short(value)}" for name, value in known)


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value)
