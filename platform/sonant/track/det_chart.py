"""The DET picture: misses against false alarms on normal-deviate axes (Martin et al. 1997), drawn by matplotlib."""

from __future__ import annotations

import io
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonant.metrics.roc import Det

_TICKS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
_LEAST, _MOST = 0.0005, 0.9


def det_png(curves: Mapping[str, Det]) -> bytes | None:
    """A PNG of named curves; None without matplotlib (the extra `review`)."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes: Any = figure.add_subplot()
    for name, curve in curves.items():
        if not np.isnan(curve.miss_P).any() and not np.isnan(curve.false_alarm_P).any():
            axes.plot(deviate(curve.false_alarm_P), deviate(curve.miss_P), label=name, linewidth=1.5)
    ends = deviate(np.array([_LEAST, _MOST]))
    axes.plot(ends, ends, color="0.7", linewidth=0.8, linestyle="--")
    for axis, side, name in ((axes.xaxis, axes.set_xlim, "false alarms"), (axes.yaxis, axes.set_ylim, "misses")):
        axis.set_ticks(deviate(np.array(_TICKS)), [f"{100 * tick:g}" for tick in _TICKS])
        axis.set_label_text(f"{name} (%)")
        side(*ends)
    axes.grid(linewidth=0.4)
    if curves:
        axes.legend(loc="upper right")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    return picture.getvalue()


def deviate(rate_P: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rates as standard normal deviates, kept inside the picture."""
    normal = NormalDist()
    return np.array([normal.inv_cdf(rate) for rate in np.clip(rate_P, _LEAST, _MOST).tolist()])
