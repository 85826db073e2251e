"""Waves as inline SVG: the lowest and the highest sample of each stretch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.track.page.chart import svg
from sonant.track.page.html import Html, tag

_WIDTH, _HEIGHT = 240.0, 40.0
_COLUMNS = 240


def waveform(wav_N: NDArray[np.floating], *, label: str) -> Html:
    """A picture at full scale: equally loud sounds look equally large beside each other."""
    columns = np.array_split(np.clip(wav_N, -1, 1), min(_COLUMNS, max(1, len(wav_N))))
    step = _WIDTH / len(columns)
    lines = [
        f"M{step * (place + 0.5):.1f} {_y(part_N.max()):.1f}V{_y(part_N.min()) + 0.5:.1f}"
        for place, part_N in enumerate(columns)
        if len(part_N)
    ]
    return svg(_WIDTH, _HEIGHT, tag("path", d="".join(lines) or "M0 0", cls="curve thin s0"), label=label)


def _y(sample: float) -> float:
    return float(_HEIGHT / 2 * (1 - sample))
