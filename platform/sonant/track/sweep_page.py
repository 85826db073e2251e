"""The page about a sweep: who won, what it cost, which keys mattered, and every trial."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sonant.config.experiment import Experiment
from sonant.config.load import load
from sonant.config.tune import TuneConfig
from sonant.track import files
from sonant.track.events import history, read
from sonant.track.page.chart import Dot, Series, bars, curves, scatter
from sonant.track.page.html import Content, Html, duration, number, page, section, table, tag, tiles
from sonant.track.page.parallel import Line, parallel
from sonant.track.repeats_page import repeats_section, winning_mean
from sonant.track.run_page import setup_of

Row = dict[str, Any]

_WIDE_RANGE = 30.0
_STYLES = {"done": 0, "stopped": 4}


def sweep_page(path: str) -> str:
    """The HTML of a sweep folder, finished or not."""
    found: dict[str, Any] = files.read_json(files.join(path, "sweep.json"))
    config: Experiment = load(Experiment, files.join(path, "config.yaml"))
    assert config.tune is not None, "a sweep's config has a space"
    rows: list[Row] = found["trials"]
    best = next((row for row in rows if row["number"] == found["best"]), None)
    judged = [row for row in rows if _objective(found, row) is not None]
    parts: list[Content] = [
        tag("header", tag("h1", f"{found['name']} search"), tag("span", f"sweep {found['id']}")),
        tiles(_figures(found, rows, best)),
        _winner(path, found, best) if best else "",
        repeats_section(found),
        _tradeoffs(found, judged) if judged else "",
        _space(path, found, config.tune, judged) if judged else "",
        _trials(found, rows),
        section("Setup", *setup_of(path)),
    ]
    return page(f"{found['name']} search {found['id']}", *parts)


def _figures(found: Mapping[str, Any], rows: Sequence[Row], best: Row | None) -> list[tuple[str, str, str]]:
    states = Counter(row["state"] for row in rows)
    trained = sum(count for state, count in states.items() if state != "rejected")
    others = ", ".join(f"{count} {state}" for state, count in states.items() if state not in {"done", "rejected"})
    repeats: Sequence[Row] = found.get("repeats", [])
    spent = sum(row["seconds"] for row in (*rows, *repeats))
    figures = [
        ("trials", str(trained), others),
        ("over a cost", str(states["rejected"]), "refused before training"),
        ("training time", duration(spent), "all trials and seeds together" if repeats else "all trials together"),
    ]
    if best is not None and (over_seeds := winning_mean(found)):
        words = f"mean of trial {best['number']} over {len(over_seeds['seeds'])} seeds"
        figures.insert(0, (f"best {found['metric']}", number(over_seeds["mean"][found["metric"]]), words))
    elif best is not None:
        figures.insert(0, (f"best {found['metric']}", number(_objective(found, best)), f"trial {best['number']}"))
    if best is not None:
        figures += [(cost, number(best["costs"].get(cost)), "of the best trial") for cost in found["pareto"]]
    return figures


def _winner(path: str, found: Mapping[str, Any], best: Row) -> Html:
    chosen = table(["key", "value"], [(tag("code", key), _value(value)) for key, value in best["point"].items()])
    over_seeds = winning_mean(found)
    run = files.join(path, found.get("best_run") or f"trials/{best['number']}")
    measured = tag("div", tag("h3", "Measured"), _measured(best, over_seeds))
    both = tag("div", tag("div", tag("h3", "Chosen"), chosen), measured, cls="grid")
    limits = "; ".join(_limit(limit) for limit in found["limits"])
    best_of = "of all trials" if over_seeds is None else "over other seeds, on average, of the configs below"
    about = f"The best {found['metric']} {best_of}" + (f" that keep the limits: {limits}." if limits else ".")
    about += f" {'Its own' if over_seeds is None else 'Its best seed'}: sonant report {run}"
    return section(f"Trial {best['number']} wins", both, *setup_of(run)[:1], about=about)


def _measured(best: Row, over_seeds: Mapping[str, Any] | None) -> Html:
    if over_seeds is None:
        scores = {**best["metrics"], **best["costs"]}
        return table(["measure", "value"], [(name, number(value)) for name, value in scores.items()])
    means, deviations = over_seeds["mean"], over_seeds["deviation"]
    rows = [(name, number(value), number(deviations.get(name))) for name, value in means.items()]
    return table(["measure", "mean", "deviation"], rows)


def _tradeoffs(found: Mapping[str, Any], judged: Sequence[Row]) -> Html:
    """The objective against each cost."""
    limits = {limit["metric"]: limit["max"] for limit in found["limits"] if limit["max"] is not None}
    charts: list[Html] = []
    for cost in found["pareto"]:
        dots = [_dot(found, row, cost) for row in judged if cost in row["costs"]]
        title, log = f"{found['metric']} against {cost}", _is_wide([dot.x for dot in dots])
        steps = staircase([(dot.x, dot.y) for dot in dots], found["mode"])
        charts.append(scatter(title, dots, x_name=cost, log=log, front=steps, limit=limits.get(cost)))
    about = "The line is the best that can be had for a cost; the filled trial won, grey ones were cut short."
    return section("What quality costs", tag("div", *charts, cls="grid"), about=about)


def staircase(points: Sequence[tuple[float, float]], mode: str) -> list[tuple[float, float]]:
    """The best objective that can be had up to each cost, as the corners of a line."""
    corners: list[tuple[float, float]] = []
    for cost, value in sorted(points, key=lambda point: (point[0], point[1] if mode == "min" else -point[1])):
        if not corners or (value > corners[-1][1] if mode == "max" else value < corners[-1][1]):
            corners += [(cost, corners[-1][1])] if corners else []
            corners.append((cost, value))
    return [*corners, (max(cost for cost, _ in points), corners[-1][1])] if corners else []


def _space(path: str, found: Mapping[str, Any], tune: TuneConfig, judged: Sequence[Row]) -> Html:
    keys = [key for key in tune.space if len({json.dumps(row["point"].get(key)) for row in judged}) > 1]
    logs = {key: bool(getattr(tune.space[key], "log", False)) for key in keys}
    values = [_objective(found, row) or math.nan for row in judged]
    low, high = min(values), max(values)
    lines = [
        Line(
            {**row["point"], found["metric"]: value},
            _goodness(value, low, high, found["mode"]),
            f"trial {row['number']}: {found['metric']} {number(value)}",
            best=row["number"] == found["best"],
        )
        for row, value in zip(judged, values, strict=True)
    ]
    picture = parallel("Trials", [*((key, logs[key]) for key in keys), (found["metric"], False)], lines)
    shares = list(found["importances"].items())
    weights = bars("Share of the variance that a key explains alone", shares) if shares else ""
    about = "Each line is a trial, the stronger the better; the winner stands out. Few trials say little about a key."
    return section("The space", tag("div", picture, weights, _progress(path, found, judged), cls="grid"), about=about)


def _progress(path: str, found: Mapping[str, Any], judged: Sequence[Row]) -> Html:
    """How all trials learned."""
    series: list[Series] = []
    for row in judged:
        events = history(read(files.join(path, "trials", str(row["number"]))))
        epochs = [event for event in events if event["kind"] == "epoch"]
        points = [(event["epoch"], _known(event["metrics"].get(found["metric"]))) for event in epochs]
        wins = row["number"] == found["best"]
        style = 1 if wins else _STYLES.get(row["state"], 0)
        series.append(Series(f"trial {row['number']}", points, style, thin=not wins))
    return curves(f"Validation {found['metric']} while training", series, x_name="epoch")


def _trials(found: Mapping[str, Any], rows: Sequence[Row]) -> Html:
    sign = -1 if found["mode"] == "max" else 1

    def rank(row: Row) -> tuple[bool, float, int]:
        value = _objective(found, row)
        return value is None, sign * (value or 0.0), row["number"]

    ranked = sorted(rows, key=rank)
    costs = list(dict.fromkeys(cost for row in rows for cost in row["costs"]))
    head = ["trial", "state", found["metric"], *costs, "unbeaten", "epochs", "time", "point", "note"]
    body: list[list[Content]] = [
        [
            str(row["number"]),
            row["state"],
            number(_objective(found, row)),
            *(number(row["costs"].get(cost)) for cost in costs),
            "yes" if row["number"] in found["front"] else "",
            str(row["epochs"]),
            duration(row["seconds"]),
            tag("code", " ".join(f"{key}={_value(value)}" for key, value in row["point"].items()), cls="point"),
            row["note"],
        ]
        for row in ranked
    ]
    marked = frozenset(index for index, row in enumerate(ranked) if row["number"] == found["best"])
    return section("All trials", table(head, body, marked=marked))


def _dot(found: Mapping[str, Any], row: Row, cost: str) -> Dot:
    value = _objective(found, row) or math.nan
    words = f"trial {row['number']}: {found['metric']} {number(value)}, {cost} {number(row['costs'][cost])}"
    return Dot(row["costs"][cost], value, words, _STYLES.get(row["state"], 4), full=row["number"] == found["best"])


def _objective(found: Mapping[str, Any], row: Row) -> float | None:
    value = row["metrics"].get(found["metric"])
    return None if row["state"] == "failed" else value


def _goodness(value: float, low: float, high: float, mode: str) -> float:
    if low == high:
        return 1.0
    share = (value - low) / (high - low)
    return share if mode == "max" else 1.0 - share


def _is_wide(values: Sequence[float]) -> bool:
    return bool(values) and min(values) > 0 and max(values) / min(values) > _WIDE_RANGE


def _limit(limit: Mapping[str, Any]) -> str:
    ends = [(word, limit[end]) for end, word in (("min", "at least"), ("max", "at most"))]
    return f"{limit['metric']} {' and '.join(f'{word} {number(value)}' for word, value in ends if value is not None)}"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value)


def _known(value: float | None) -> float:
    return math.nan if value is None else value
