"""The Grafana dashboard and the alert rules ask for metrics that are there, histograms as Prometheus wants it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
DASHBOARD = json.loads((ROOT / "configs" / "grafana" / "sonant.json").read_text(encoding="ascii"))
ALERTS = yaml.safe_load((ROOT / "configs" / "grafana" / "alerts.yaml").read_text(encoding="ascii"))
ROWS = ["Traffic", "Latency of requests", "Live sessions", "Lateness", "Replicas and slots", "Errors", "Bundles"]
OF_PROMQL = {"le", "replica"}


def documented() -> dict[str, tuple[str, set[str]]]:
    """Type and labels of every metric, by name."""
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="ascii")
    rows = re.findall(r"^\| `(sonant_\w+)` \| (\w+) \| ([\w, ]+) \|", text, re.M)
    return {name: (kind, set(labels.split(", "))) for name, kind, labels in rows}


def queries() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))
    for rule in ALERTS["groups"][0]["rules"]:
        yield rule["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]


@pytest.mark.parametrize("query", sorted(set(queries())))
def test_a_query_names_what_there_is(query: str) -> None:
    known = documented()
    for named in re.findall(r"sonant_\w+", query):
        name = named.removesuffix("_bucket")
        assert name in known, f"{name} is not in docs/metrics.md"
        kind, labels = known[name]
        assert named.endswith("_bucket") == (kind == "histogram"), f"{named} is a {kind}"
        if kind == "histogram":
            assert re.search(rf"histogram_quantile\([\d.]+, sum by \(le[\w, ]*\) \(rate\({named}", query), query
        if kind == "counter":
            assert re.search(rf"(rate|increase)\({named}", query), f"{named} only ever grows: ask for its rate"
        asked = set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", query))
        grouped = {label for found in re.findall(r"by \(([\w, ]+)\)", query) for label in found.split(", ")}
        assert asked | grouped <= labels | OF_PROMQL, query
    assert query.count("(") == query.count(")")
    assert query.count("{") == query.count("}")


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    assert DASHBOARD["schemaVersion"] >= 36
    panels: list[dict[str, Any]] = DASHBOARD["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(ids) == len(set(ids))
    assert [panel["title"] for panel in panels if panel["type"] == "row"] == ROWS
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert [target["refId"] for target in panel["targets"]] == list("ABCDEF"[: len(panel["targets"])])
    squares = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(squares) == len(set(squares)), "panels overlap"


def test_it_is_chosen_by_source_task_and_model() -> None:
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert {name: one["type"] for name, one in variables.items()} == {
        "datasource": "datasource", "task": "query", "model": "query"
    }  # fmt: skip
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            assert 'task=~"$task",model=~"$model"' in target["expr"], panel["title"]


def test_every_metric_is_on_the_dashboard() -> None:
    asked = " ".join(queries())
    assert [name for name in documented() if name not in asked] == []


def test_alerts_say_what_is_wrong_and_how_bad_it_is() -> None:
    rules = ALERTS["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 5
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"page", "warn"}
        assert rule["annotations"]["summary"].endswith(".")
