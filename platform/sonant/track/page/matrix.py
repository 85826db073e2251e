"""A confusion matrix: rows are what was said, columns what was heard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sonant.track.page.chart import card, svg
from sonant.track.page.html import Html, tag

_SIDE, _LETTER = 460.0, 6.4
_MOST_NAMES = 40
_MOST_COUNTS = 24


def confusion(title: str, labels: Sequence[str], count_KK: NDArray[np.integer]) -> Html:
    """The darker, the larger the share of the row: right answers in one colour, wrong ones in another."""
    share_KK = count_KK / np.maximum(count_KK.sum(axis=1, keepdims=True), 1)
    size = len(labels)
    margin = _LETTER * max(len(label) for label in labels) + 12 if size <= _MOST_NAMES else 12.0
    cell = (_SIDE - margin) / size
    drawn: list[Html] = []
    for row, said in enumerate(labels):
        y = cell * row
        if size <= _MOST_NAMES:
            under = f"translate({margin + y + cell / 2 + 4:.1f} {_SIDE - margin + 8:.1f}) rotate(-90)"
            drawn.append(tag("text", said, x=margin - 6, y=y + cell / 2 + 4, cls="end"))
            drawn.append(tag("text", said, transform=under, cls="end"))
        for column in (int(index) for index in np.flatnonzero(count_KK[row])):
            drawn += _cell(
                margin + cell * column, y, cell, int(count_KK[row, column]), float(share_KK[row, column]),
                right=row == column, words=f"{said} heard as {labels[column]}", counts=size <= _MOST_COUNTS,
            )  # fmt: skip
    drawn.append(tag("rect", x=margin, y=0, width=cell * size, height=cell * size, cls="frame"))
    return card(title, svg(_SIDE, _SIDE, *drawn, label=title))


def most_confused(
    labels: Sequence[str], count_KK: NDArray[np.integer], count: int
) -> list[tuple[str, str, int, float]]:
    """The most frequent mistakes: said, heard, how often, and as a share of what was said."""
    wrong_KK = count_KK - np.diag(np.diag(count_KK))
    order = np.argsort(-wrong_KK, axis=None, kind="stable")[:count]
    pairs = [divmod(int(index), len(labels)) for index in order]
    said_K = count_KK.sum(axis=1)
    return [
        (labels[row], labels[column], int(wrong_KK[row, column]), float(wrong_KK[row, column] / said_K[row]))
        for row, column in pairs
        if wrong_KK[row, column]
    ]


def _cell(
    x: float, y: float, side: float, count: int, share: float, *, right: bool, words: str, counts: bool
) -> list[Html]:
    box = tag(
        "rect", tag("title", f"{words}: {count} ({100 * share:.1f} %)"), x=x, y=y, width=side, height=side,
        cls="cell" if right else "wrong", fill_opacity=round(0.08 + 0.82 * share, 3),
    )  # fmt: skip
    inside = tag("text", str(count), x=x + side / 2, y=y + side / 2 + 4, cls="mid ink", pointer_events="none")
    return [box, inside] if counts else [box]
