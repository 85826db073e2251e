"""The part of a run's page that is about an embedder: its DET curve and its operating points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sonant.track import files
from sonant.track.detection_page import det_curves
from sonant.track.page.html import Html, number, section, table, tag


def verification(review: str) -> Html:
    """The section about the review folder of an embedder's run."""
    found: dict[str, Any] = files.read_json(files.join(review, "thresholds.json"))
    det: dict[str, Any] = files.read_json(files.join(review, "det.json"))
    head = ["point", "split", "cosine", "different taken for same", "same taken for different", "pairs"]
    about = (
        "Pairs of recordings count as the same from a cosine on that is chosen on validation recordings. In brackets: "
        "95 % intervals over speakers."
    )
    curves = tag("div", det_curves(det, "share of different pairs that are accepted"), cls="grid")
    return section("Verification", curves, tag("p", ""), table(head, list(_rows(found))), about=about)


def _rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name in found["validation"]:
        for split in (split for split in ("validation", "test") if split in found):
            point = found[split][name]
            rates = (_rate(point[rate]) for rate in ("false_accept", "false_reject"))
            yield name, split, number(point["threshold"]), *rates, f"{point['same']} + {point['different']}"


def _rate(rate: dict[str, float]) -> str:
    return f"{number(rate['value'])} ({number(rate['low'])} to {number(rate['high'])})"
