"""Parallel coordinates: each trial is a line through its values, so that one sees which go with a good objective."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sonant.track.page.axis import Axis, spanning
from sonant.track.page.chart import card, svg
from sonant.track.page.html import Html, number, tag

_WIDTH, _HEIGHT, _TOP, _BOTTOM, _SIDE = 1000.0, 300.0, 30.0, 36.0, 70.0
_ABSENT = "not searched"


@dataclass(frozen=True)
class Line:
    """A trial: its values by key, how good it is from 0 (worst) to 1 (best), and what it says when pointed at."""

    values: Mapping[str, Any]
    goodness: float
    words: str
    best: bool = False


def parallel(title: str, keys: Sequence[tuple[str, bool]], lines: Sequence[Line]) -> Html:
    """Keys from left to right (each with whether its scale is logarithmic), one line a trial, the best on top."""
    gap = (_WIDTH - 2 * _SIDE) / max(1, len(keys) - 1)
    columns = [_Column(key, log, _SIDE + gap * index, lines) for index, (key, log) in enumerate(keys)]
    drawn: list[Html] = []
    for line in sorted(lines, key=lambda line: (line.best, line.goodness)):
        places = [f"{column.x:.1f} {column.place(line):.1f}" for column in columns]
        drawn.append(
            tag("path", tag("title", line.words), d="M" + "L".join(places), cls=f"curve {'s1' if line.best else 's0'}",
                stroke_opacity=1 if line.best else round(0.15 + 0.6 * line.goodness, 3))
        )  # fmt: skip
    drawn += [column.drawn() for column in columns]
    return card(title, svg(_WIDTH, _HEIGHT, *drawn, label=title), wide=True)


class _Column:
    """One key: an axis for numbers, evenly spaced places for choices and for trials that do not have it."""

    def __init__(self, key: str, log: bool, x: float, lines: Sequence[Line]) -> None:
        self.key, self.x = key, x
        values = [line.values[key] for line in lines if key in line.values]
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        self._axis = spanning(values, _HEIGHT - _BOTTOM, _TOP, log=log) if numbers and values else None
        names = [] if self._axis else sorted({_name(value) for value in values})
        absent = any(key not in line.values for line in lines)
        self._names = ([_ABSENT] if absent and not self._axis else []) + names
        self._absent = absent

    def place(self, line: Line) -> float:
        if self._axis is None:
            return self._spot(_name(line.values[self.key]) if self.key in line.values else _ABSENT)
        return self._axis.at(line.values[self.key]) if self.key in line.values else _HEIGHT - _BOTTOM + 14

    def drawn(self) -> Html:
        marks = [(number(value), self._axis.at(value)) for value in _ends(self._axis)] if self._axis else []
        marks += [(name, self._spot(name)) for name in self._names]
        if self._axis and self._absent:
            marks.append((_ABSENT, _HEIGHT - _BOTTOM + 14))
        return tag(
            "g",
            tag("line", x1=self.x, x2=self.x, y1=_TOP, y2=_HEIGHT - _BOTTOM, cls="axis"),
            tag("text", tag("title", self.key), self.key.rpartition(".")[2], x=self.x, y=14, cls="mid ink"),
            *(tag("text", name, x=self.x + 5, y=y + 4) for name, y in marks),
            cls="halo",
        )

    def _spot(self, name: str) -> float:
        share = (self._names.index(name) + 0.5) / len(self._names)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)


def _ends(axis: Axis) -> list[float]:
    ticks = axis.ticks(4)
    return ticks if len(ticks) <= 6 else [ticks[0], ticks[-1]]


def _name(value: Any) -> str:
    """A choice in few letters: a section by its kind and what else it sets."""
    if isinstance(value, Mapping):
        return " ".join(str(part) for part in value.values() if not isinstance(part, Mapping | bool))
    return value if isinstance(value, str) else json.dumps(value)
