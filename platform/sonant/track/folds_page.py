"""The page about an evaluation by folds of speakers: how good, how sure, how it differs between folds and labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from sonant.track import files
from sonant.track.page.html import Html, number, page, section, table, tag, tiles
from sonant.track.page.matrix import confusion
from sonant.track.run_page import label_table

FILE = "folds.json"

_SHOWN = ("accuracy", "uar", "macro_f1", "ece")


def folds_page(path: str) -> str:
    """The HTML of a folder that `sonant evaluate --folds` wrote; the evaluation may still be under way."""
    found: dict[str, Any] = files.read_json(files.join(path, FILE))
    drawn: dict[str, Any] = files.read_json(files.join(path, "confusion.json"))
    picture = confusion("All folds", drawn["labels"], np.asarray(drawn["folds"], dtype=np.int64))
    about = "Rows are what was said, columns what was heard, by a network that never heard the speaker before."
    return page(
        f"{found['name']}, {found['count']} folds",
        tag(
            "header",
            tag("h1", found["name"]),
            tag("span", f"{len(found['folds'])} of {found['count']} folds of speakers"),
        ),
        tiles(_figures(found)),
        section("Folds", _folds(found)),
        section("Confusions", tag("div", picture, cls="grid"), label_table(found["labels"], "all folds"), about=about),
    )


def _figures(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """All clips together, with 95 % intervals over speakers."""
    figures = [
        (name, number(found["metrics"][name]), f"95 %: {number(low)} to {number(high)}")
        for name, (low, high) in found["intervals"].items()
    ]
    after = f"{number(found['ece_calibrated'])} calibrated"
    return [
        *figures,
        ("ece", number(found["metrics"]["ece"]), after),
        ("clips", f"{found['clips']:,}", found["corpus"]),
    ]


def _folds(found: dict[str, Any]) -> Html:
    rows = [
        (
            str(index),
            ", ".join(fold["speakers"]),
            str(fold["clips"]),
            *(number(fold["metrics"].get(name)) for name in _SHOWN),
            number(fold["temperature"]),
        )
        for index, fold in enumerate(found["folds"], 1)
    ]
    mean = [f"{number(found['mean'].get(name))} +- {number(found['deviation'].get(name))}" for name in _SHOWN]
    last = len(rows)
    rows.append(("mean", "", "", *mean, ""))
    return table(["fold", "held out", "clips", *_SHOWN, "temperature"], rows, marked=frozenset({last}))
