"""The part of a run's page that is about a detector: its DET curve and its operating points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sonant.track import files
from sonant.track.page.chart import Series, curves
from sonant.track.page.html import Content, Html, data_uri, number, section, table, tag

_SPLITS = ("validation", "test")


def detection(review: str) -> Html:
    """The section about the review folder of a detector's run."""
    found: dict[str, Any] = files.read_json(files.join(review, "operating.json"))
    det: dict[str, Any] = files.read_json(files.join(review, "det.json"))
    head = ["point", "label", "split", "on", "off", "missed frames", "false frames", "false alarms an hour"]
    about = (
        "Operating points are chosen on validation recordings. A false alarm is a segment in which the label is not "
        "heard at all. In brackets: 95 % intervals over recordings."
    )
    pictures: list[Content] = [det_curves(det)]
    if files.exists(files.join(review, "det.png")):
        picture = data_uri(files.read_bytes(files.join(review, "det.png")), "image/png")
        pictures.append(tag("div", tag("img", src=picture, alt="DET curve", style="max-width: 100%"), cls="card"))
    points = table(head, list(_rows(found)))
    return section("Detection", tag("div", *pictures, cls="grid"), tag("p", ""), points, about=about)


def det_curves(det: dict[str, Any], x_name: str = "share of false frames") -> Html:
    """The DET curves of a review's det.json."""
    series = [
        Series(f"{split} {label}", list(zip(curve["false_alarm"], curve["miss"], strict=True)), style % 5)
        for split in _SPLITS
        if split in det
        for style, (label, curve) in enumerate(det[split].items(), _SPLITS.index(split))
        if None not in (*curve["false_alarm"], *curve["miss"])
    ]
    return curves("Misses over false alarms", series, x_name=x_name, zero=True)


def _rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name in found["validation"]:
        for index, label in enumerate(found["labels"]):
            for split in (split for split in _SPLITS if split in found):
                point = found[split][name][index]
                rule = point["postprocess"]
                rates = (_rate(point[rate]) for rate in ("miss", "false_alarm", "false_alarms_per_hour"))
                yield name, label, split, number(rule["on"]), number(rule["off"]), *rates


def _rate(rate: dict[str, float]) -> str:
    return f"{number(rate['value'])} ({number(rate['low'])} to {number(rate['high'])})"
