"""How much each key of a space matters: the share of the objective's variance that the key explains on its own.

For each key, trials are grouped (by choice, or by thirds of a range); epsilon squared (Kelley 1935) is the share of the
variance between groups, corrected for the number of groups. Few trials say little: read it as a hint where to look.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from sonant.config.tune import Choice, Dimension, TuneConfig
from sonant.tune.space import Point

_GROUPS = 3


def importances(cfg: TuneConfig, trials: Sequence[tuple[Point, Mapping[str, float]]]) -> dict[str, float]:
    """Shares from 0 to 1 by key, the greatest first; keys that too few trials tell apart are left out."""
    known = [
        (point, values[cfg.metric]) for point, values in trials if not math.isnan(values.get(cfg.metric, math.nan))
    ]
    shares: dict[str, float] = {}
    for key, dimension in cfg.space.items():
        having = [(point[key], objective) for point, objective in known if key in point]
        groups = _grouped(dimension, [value for value, _ in having])
        share = epsilon_squared(groups, [objective for _, objective in having])
        if share is not None:
            shares[key] = round(share, 4)
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def epsilon_squared(group_N: Sequence[int], value_N: Sequence[float]) -> float | None:
    """Variance between groups by variance in all, less what chance gives; None when there is nothing to compare."""
    values = np.asarray(value_N, dtype=np.float64)
    groups = np.asarray(group_N)
    names = np.unique(groups)
    spare = len(values) - len(names)
    spread = float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0
    if len(names) < 2 or spare < 1 or spread == 0.0:
        return None
    inside = sum(float(((values[groups == name] - values[groups == name].mean()) ** 2).sum()) for name in names)
    return max(0.0, 1.0 - (inside / spare) / (spread / (len(values) - 1)))


def _grouped(dimension: Dimension, values: Sequence[Any]) -> list[int]:
    if isinstance(dimension, Choice):
        labels = [json.dumps(value, sort_keys=True) for value in values]
        return [sorted(set(labels)).index(label) for label in labels]
    scaled = np.asarray([math.log(value) if dimension.log else value for value in values], dtype=np.float64)
    ends = np.quantile(scaled, np.linspace(0, 1, _GROUPS + 1)) if len(scaled) else np.zeros(_GROUPS + 1)
    inner = [high for _, high in pairwise(ends)][:-1]
    return [int(group) for group in np.searchsorted(inner, scaled, side="left")]
