"""Figures of items as rows, and rows summed up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sonant.metrics.summary import summarise

Row = dict[str, Any]
"""What is known of an item, and its figures, by name."""


def means(rows: Sequence[Row], known: Collection[str]) -> dict[str, dict[str, float | None]]:
    """Mean and 95 % interval over speakers of each figure, ready for JSON; `known` are the columns that are none."""
    figures = [{name: value for name, value in row.items() if name not in known} for row in rows]
    speakers = [row["speaker"] for row in rows]
    # An interval over one speaker would be that speaker: then items are drawn.
    groups = speakers if len(set(speakers)) > 1 else None
    return {
        name: {field: _number(value) for field, value in mean._asdict().items()}
        for name, mean in summarise(figures, groups).items()
    }


def _number(value: float) -> float | None:
    return value if value == value else None  # NaN is no JSON
