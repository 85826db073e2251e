"""The list of networks with their size and cost: what `sonant models` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from models.classify.base import LiveClassifier
from models.enhance.base import LiveEnhancer
from models.extract.base import LiveExtractor
from models.spec import SPECS, VARIANTS, create, parse
from sonant.measure import macs, params

Value = str | int | float | bool | None
Row = dict[str, Value]

_NUMBERS = ("params", "macs_per_s", "feature_macs_per_s", "streams", "hop_ms", "latency_ms")
OUTPUTS = 12
"""Labels of the listed networks: as in the papers' tables."""


def rows(variants: Mapping[str, Mapping[str, Any]] = VARIANTS) -> list[Row]:
    """One row for each variant, in its live form if it has one.

    params: trained parameters. macs_per_s: of the network alone, as in papers; feature_macs_per_s: of what turns the
    wave into features. An extractor's voice is made once a session and is in neither. hop_ms: time from answer to
    answer. latency_ms: how long a sample waits at most until an answer has heard it; the time to compute is not in it
    (`sonant measure` tells that for a bundle). Both are None for a network that needs the whole clip; its cost is that
    of a clip of one second. All numbers are None for a network whose package is not installed.
    """
    return [_row(name, data) for name, data in variants.items()]


def table(rows: Sequence[Row]) -> str:
    """Rows as aligned text, numbers to the right."""
    head = list(rows[0])
    lines = [head, *([_text(row[key]) for key in head] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    right = [any(isinstance(row[key], int | float) for row in rows) for key in head]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _row(name: str, data: Mapping[str, Any]) -> Row:
    spec = SPECS[data["kind"]]
    streams = spec.config_type.streams
    told: Row = {"kind": spec.kind, "job": spec.job, "variant": name}
    if spec.needs is not None and find_spec(spec.needs) is None:
        return told | dict.fromkeys(_NUMBERS) | {"streams": streams}
    sound = spec.job in ("extract", "enhance")
    model = create(parse(data if sound else {**data, "outputs": OUTPUTS, "causal": streams}))
    live = model if isinstance(model, LiveClassifier | LiveExtractor | LiveEnhancer) else None
    streams = live is not None
    cost = macs.of_model(model)
    hop_ms = 1000 * live.hop / live.sample_rate_hz if live else None
    return told | {
        "params": params.of_model(model),
        "macs_per_s": cost.network,
        "feature_macs_per_s": cost.features,
        "streams": streams,
        "hop_ms": hop_ms,
        "latency_ms": hop_ms + 1000 * live.latency / live.sample_rate_hz if live and hop_ms else None,
    }


def _text(value: Value) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:g}"
        case str():
            return value
