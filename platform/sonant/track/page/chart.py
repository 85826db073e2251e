"""Charts as inline SVG whose colours come from the page: they follow day and night."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sonant.track.page.axis import Axis, spanning
from sonant.track.page.html import Content, Html, number, tag

_WIDTH, _HEIGHT = 460.0, 230.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 10.0, 8.0, 34.0
_MOST_POINTS = 400


@dataclass(frozen=True)
class Series:
    """One curve. `style` is its colour (0 to 4); `thin` puts it behind the others and out of the legend."""

    name: str
    points: Sequence[tuple[float, float]]
    style: int = 0
    thin: bool = False


@dataclass(frozen=True)
class Dot:
    """One point of a scatter chart, with the words it shows when pointed at."""

    x: float
    y: float
    words: str
    style: int = 0
    full: bool = False


def curves(title: str, series: Sequence[Series], *, x_name: str, zero: bool = False) -> Html:
    """Curves over a common axis."""
    shown = [Series(line.name, thinned(line.points), line.style, line.thin) for line in series if line.points]
    points = [point for line in shown for point in line.points]
    x_axis, y_axis = _axes([x for x, _ in points], [y for _, y in points], zero=zero, whole=True)
    named = [line for line in shown if not line.thin]
    legend = [tag("span", tag("i", "", cls=f"s{line.style}"), line.name) for line in named]
    drawn = [_line(line, x_axis, y_axis) for line in (*(line for line in shown if line.thin), *named)]
    return card(
        title, tag("div", *legend, cls="legend") if len(named) > 1 else "", _frame(x_axis, y_axis, x_name, *drawn)
    )


def scatter(
    title: str,
    dots: Sequence[Dot],
    *,
    x_name: str,
    log: bool = False,
    front: Sequence[tuple[float, float]] = (),
    limit: float | None = None,
) -> Html:
    """Points, the line of the best among them, and a limit on x."""
    wide = [dot.x for dot in dots] + ([limit] if limit is not None else [])
    x_axis, y_axis = _axes(wide, [dot.y for dot in dots], log=log)
    steps = _line(Series("", front, style=1), x_axis, y_axis) if len(front) > 1 else ""
    drawn = [
        tag("circle", tag("title", dot.words), cx=x_axis.at(dot.x), cy=y_axis.at(dot.y), r=6.0 if dot.full else 4.0,
            cls="full" if dot.full else f"s{dot.style}")
        for dot in sorted(dots, key=lambda dot: dot.full)
    ]  # fmt: skip
    bound = _limit(x_axis, y_axis, limit) if limit is not None else ""
    return card(title, "", _frame(x_axis, y_axis, x_name, bound, steps, *drawn))


def bars(title: str, shares: Sequence[tuple[str, float]]) -> Html:
    """Shares from 0 to 1 as horizontal bars."""
    row, left = 26.0, 150.0
    width = _WIDTH - left - 50
    drawn: list[Html] = []
    for index, (name, share) in enumerate(shares):
        middle = row * index + row / 2
        drawn += [
            tag("text", name, x=left - 8, y=middle + 4, cls="end ink"),
            tag("rect", x=left, y=middle - 8, width=max(1.0, width * share), height=16, rx=3, cls="bar"),
            tag("text", f"{100 * share:.0f} %", x=left + width * share + 6, y=middle + 4),
        ]
    return card(title, "", svg(_WIDTH, max(row, row * len(shares)), *drawn, label=title))


def card(title: str, *content: Content, wide: bool = False) -> Html:
    return tag("div", tag("h3", title), *content, cls="card wide" if wide else "card")


def svg(width: float, height: float, *content: Content, label: str) -> Html:
    """A picture that grows with the page; `label` is what a screen reader says."""
    return tag("svg", *content, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label)


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Means over neighbours where there are more points than a screen can show."""
    if len(points) <= _MOST_POINTS:
        return list(points)
    parts = np.array_split(np.asarray(points, dtype=np.float64), _MOST_POINTS)
    return [(float(x), float(y)) for x, y in (part.mean(axis=0) for part in parts)]


def _axes(
    xs: Sequence[float], ys: Sequence[float], *, log: bool = False, zero: bool = False, whole: bool = False
) -> tuple[Axis, Axis]:
    x_axis = spanning(xs, _LEFT, _WIDTH - _RIGHT, log=log)
    if whole and len(set(xs)) > 1:
        x_axis = Axis(min(xs), max(xs), _LEFT, _WIDTH - _RIGHT)
    return x_axis, spanning(ys, _HEIGHT - _BOTTOM, _TOP, zero=zero)


def _frame(x_axis: Axis, y_axis: Axis, x_name: str, *content: Content) -> Html:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    marks: list[Html] = []
    for value in y_axis.ticks():
        y = y_axis.at(value)
        marks += [tag("line", x1=_LEFT, x2=right, y1=y, y2=y, cls="gridline"),
                  tag("text", number(value), x=_LEFT - 7, y=y + 4, cls="end")]  # fmt: skip
    marks += [tag("text", number(value), x=x_axis.at(value), y=bottom + 15, cls="mid") for value in x_axis.ticks()]
    marks += [tag("line", x1=_LEFT, x2=right, y1=bottom, y2=bottom, cls="axis"),
              tag("text", x_name, x=right, y=_HEIGHT - 4, cls="end")]  # fmt: skip
    return svg(_WIDTH, _HEIGHT, *marks, *content, label=f"chart over {x_name}")


def _line(series: Series, x_axis: Axis, y_axis: Axis) -> Html:
    """A curve with gaps where a value is not finite; single points are dots."""
    runs: list[list[str]] = [[]]
    for x, y in series.points:
        if math.isfinite(y):
            runs[-1].append(f"{x_axis.at(x):.1f} {y_axis.at(y):.1f}")
        elif runs[-1]:
            runs.append([])
    path = "".join("M" + "L".join(run if len(run) > 1 else run * 2) for run in runs if run)
    thin = " thin" if series.thin else ""
    return tag("path", d=path, cls=f"curve s{series.style}{thin}", stroke_linecap="round")


def _limit(x_axis: Axis, y_axis: Axis, value: float) -> Html:
    x = x_axis.at(value)
    words = tag("text", "limit", x=x - 5, y=_TOP + 10, cls="end")
    return Html(tag("line", x1=x, x2=x, y1=y_axis.start, y2=y_axis.stop, cls="limit") + words)
