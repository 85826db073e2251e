import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sonant.track.sweep_page import staircase, sweep_page

TRIALS: list[dict[str, Any]] = [
    {
        "state": "rejected",
        "point": {"train.lr": 0.1},
        "metrics": {},
        "costs": {"params": 900.0},
        "note": "params 900 > 500",
    },
    {"state": "done", "point": {"train.lr": 0.01}, "metrics": {"accuracy": 0.9}, "costs": {"params": 400.0}},
    {"state": "stopped", "point": {"train.lr": 0.001}, "metrics": {"accuracy": 0.4}, "costs": {"params": 100.0}},
    {"state": "failed", "point": {"train.lr": 0.09}, "metrics": {}, "costs": {}, "note": "<script>"},
    {"state": "running", "point": {"train.lr": 0.03}, "metrics": {}, "costs": {"params": 100.0}},
]

Make = Callable[..., Path]


@pytest.fixture
def make(tiny_run: Path, tmp_path: Path) -> Make:
    """A sweep folder of the first `count` trials; trained ones have the tiny run as theirs."""

    def make(count: int, best: int | None) -> Path:
        sweep = tmp_path / "sweep"
        sweep.mkdir()
        config = yaml.safe_load((tiny_run / "config.yaml").read_text())
        space = {"train.lr": {"kind": "float", "low": 0.001, "high": 0.1, "log": True}}
        (sweep / "config.yaml").write_text(yaml.safe_dump({**config, "tune": {"space": space}}))
        rows = [
            {"number": number, "epochs": 2, "seconds": 3.0, "note": "", **row}
            for number, row in enumerate(TRIALS[:count])
        ]
        for row in rows:
            if row["metrics"]:
                shutil.copytree(tiny_run, sweep / "trials" / str(row["number"]))
        limits = [{"metric": "params", "max": 500.0, "min": None}]
        table = {
            "name": "tones",
            "id": "s1",
            "metric": "accuracy",
            "mode": "max",
            "limits": limits,
            "pareto": ["params"],
        }
        table |= {"best": best, "front": [1, 2], "importances": {"train.lr": 0.8}, "trials": rows}
        (sweep / "sweep.json").write_text(json.dumps(table))
        return sweep

    return make


def test_a_finished_sweep_is_all_there(make: Make) -> None:
    text = sweep_page(str(make(5, 1)))
    for heading in ("Trial 1 wins", "What quality costs", "The space", "All trials", "Setup"):
        assert f"<h2>{heading}</h2>" in text
    assert "params at most 500" in text
    assert "80 %" in text
    assert "params 900 &gt; 500" in text
    assert "<script>" not in text
    rows = text.split("<h2>All trials</h2>")[1].split("<tr")[2:]
    assert [row.split("</td>")[0].rpartition(">")[2] for row in rows[:5]] == ["1", "2", "0", "3", "4"], "best first"


@pytest.mark.parametrize(("count", "best"), [(0, None), (1, None), (2, 1), (3, None)])
def test_a_sweep_that_is_under_way_shows_what_there_is(make: Make, count: int, best: int | None) -> None:
    text = sweep_page(str(make(count, best)))
    assert ("wins</h2>" in text) == (best is not None)
    assert "<h2>All trials</h2>" in text


def test_the_line_is_the_best_that_can_be_had_for_a_cost() -> None:
    points = [(3.0, 0.7), (1.0, 0.5), (2.0, 0.4), (4.0, 0.6)]
    assert staircase(points, "max") == [(1.0, 0.5), (3.0, 0.5), (3.0, 0.7), (4.0, 0.7)]
    assert staircase(points, "min") == [(1.0, 0.5), (2.0, 0.5), (2.0, 0.4), (4.0, 0.4)]
    assert staircase([], "max") == []


def test_means_over_seeds_stand_in_front_where_they_named_the_winner(make: Make, tiny_run: Path) -> None:
    sweep = make(5, 1)
    shutil.copytree(tiny_run, sweep / "repeats" / "1-seed2")
    table = json.loads((sweep / "sweep.json").read_text())
    runs = [
        {"trial": 1, "seed": seed, "state": "done", "metrics": {"accuracy": 0.6}, "seconds": 60.0, "note": ""}
        for seed in (1, 2)
    ]
    mean = {"trial": 1, "complete": True, "mean": {"accuracy": 0.6}, "deviation": {"accuracy": 0.01}, "over": []}
    table |= {"best_run": "repeats/1-seed2", "repeats": runs, "confirmed": [{**mean, "seeds": [1, 2]}]}
    (sweep / "sweep.json").write_text(json.dumps(table))
    text = sweep_page(str(sweep))
    assert "mean of trial 1 over 2 seeds" in text
    assert f"sonant report {sweep}/repeats/1-seed2" in text
    assert "all trials and seeds together" in text
    assert text.index("<h2>Trial 1 wins</h2>") < text.index("<h2>With other seeds</h2>")
