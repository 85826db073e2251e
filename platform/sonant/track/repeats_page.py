"""The part of a sweep's page about its best configs with other seeds: in the search, each seed, mean, deviation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sonant.track.page.html import Content, Html, number, section, table

_ABOUT = (
    "Configs of the best trials, trained again with seeds that the search did not use, on the same speakers and items. "
    "The figure of the search is the best of many draws and too good; the mean is fair and names the winner. "
    "Deviations (n - 1) tell what chance does: means that are nearer than that are not told apart."
)


def winning_mean(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Means and deviations of the winner, once they have named it; None where a single trial leads."""
    run: str | None = found.get("best_run")
    if run is None or not run.startswith("repeats/"):
        return None
    return next(each for each in found["confirmed"] if each["trial"] == found["best"])


def repeats_section(found: Mapping[str, Any]) -> Html:
    """All configs that were trained again, the best mean first; nothing where none was."""
    confirmed: Sequence[dict[str, Any]] = found.get("confirmed", [])
    if not confirmed:
        return Html("")
    metric = found["metric"]
    head = ["trial", "in the search", "mean", "deviation", *found["pareto"], "each seed", "note"]
    alone = {row["number"]: row["metrics"].get(metric) for row in found["trials"]}
    body: list[list[Content]] = [
        [
            str(each["trial"]),
            number(alone[each["trial"]]),
            number(each["mean"].get(metric)),
            number(each["deviation"].get(metric)),
            *(number(each["mean"].get(cost)) for cost in found["pareto"]),
            _seeds(found, each["trial"]),
            "; ".join(_notes(found, each)),
        ]
        for each in confirmed
    ]
    winner = winning_mean(found)
    marked = frozenset(index for index, each in enumerate(confirmed) if each is winner)
    return section("With other seeds", table(head, body, marked=marked), about=_ABOUT)


def _seeds(found: Mapping[str, Any], trial: int) -> str:
    rows = [row for row in found["repeats"] if row["trial"] == trial]
    return ", ".join(f"{row['seed']}: {number(row['metrics'].get(found['metric']))}" for row in rows)


def _notes(found: Mapping[str, Any], each: Mapping[str, Any]) -> list[str]:
    """Why a config cannot win, or not yet."""
    rows = [row for row in found["repeats"] if row["trial"] == each["trial"] and row["state"] != "done"]
    return [*each["over"], *(f"seed {row['seed']} {row['state']} {row['note']}".strip() for row in rows)]
