"""The list of networks with their size and cost: what `sonant models` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.classify.base import LiveClassifier
from models.spec import SPECS, VARIANTS, create, parse
from sonant.measure import macs, params

Row = dict[str, str | int | float | bool]

OUTPUTS = 12
"""Labels of the listed networks: as in the papers' tables."""


def rows(variants: Mapping[str, Mapping[str, Any]] = VARIANTS) -> list[Row]:
    """One row for each variant, in its live form.

    params: trained parameters. macs_per_s: of the network alone, as in papers; feature_macs_per_s: of what turns the
    wave into features. hop_ms: time from answer to answer. latency_ms: how long a sample waits at most until an
    answer has heard it; the time to compute is not in it (`sonant measure` tells that for a bundle).
    """
    return [_row(name, data) for name, data in variants.items()]


def table(rows: Sequence[Row]) -> str:
    """Rows as aligned text, numbers to the right."""
    head = list(rows[0])
    lines = [head, *([_text(row[key]) for key in head] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    right = [isinstance(rows[0][key], int | float) for key in head]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _row(name: str, data: Mapping[str, Any]) -> Row:
    config = parse({**data, "outputs": OUTPUTS, "causal": True})
    model = create(config)
    assert isinstance(model, LiveClassifier)
    cost = macs.of_stream(model)
    hop_ms = 1000 * model.hop / model.sample_rate_hz
    return {
        "kind": config.kind,
        "job": SPECS[config.kind].job,
        "variant": name,
        "params": params.of_model(model),
        "macs_per_s": cost.network,
        "feature_macs_per_s": cost.features,
        "streams": True,
        "hop_ms": hop_ms,
        "latency_ms": hop_ms + 1000 * model.latency / model.sample_rate_hz,
    }


def _text(value: str | int | float | bool) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:g}"
        case str():
            return value
