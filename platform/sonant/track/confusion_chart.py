"""The picture of a confusion matrix: counts, shaded by their share of the row, drawn by matplotlib."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CELL_INCH, _WIDEST_INCH, _NARROWEST_INCH = 0.4, 12.0, 3.0
_MOST_NAMES, _MOST_COUNTS = 80, 40
_DARK = 0.55  # from this share on, white reads better than black


def confusion_png(labels: Sequence[str], matrices: Mapping[str, NDArray[np.integer]]) -> bytes | None:
    """A PNG with one matrix for each split, row = true label; None without matplotlib (the extra `review`).

    Beyond 40 labels the counts are left out, beyond 80 the names too: a picture of that size shows only where a network
    errs, and confusion.json holds the numbers.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    side = min(max(_CELL_INCH * len(labels), _NARROWEST_INCH), _WIDEST_INCH)
    letters = 0.085 * max(map(len, labels)) if len(labels) <= _MOST_NAMES else 0.0
    size = ((side + letters + 0.8) * len(matrices) + 0.8, side + letters + 0.9)
    figure = Figure(figsize=size, dpi=120, layout="constrained")
    panels: Any = figure.subplots(1, len(matrices), squeeze=False)[0]
    shown = [_matrix(axes, labels, matrices[split], side) for axes, split in zip(panels, matrices, strict=True)]
    for axes, (split, count_KK) in zip(panels, matrices.items(), strict=True):
        axes.set_title(f"{split}: {np.trace(count_KK)} of {count_KK.sum()} right", fontsize=10)
    bar: Any = figure.colorbar(shown[0], ax=list(panels), fraction=0.04, pad=0.02)
    bar.set_label("share of what was said", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _matrix(axes: Any, labels: Sequence[str], count_KK: NDArray[np.integer], side: float) -> Any:
    share_KK = count_KK / np.maximum(count_KK.sum(axis=1, keepdims=True), 1)
    drawn = axes.imshow(share_KK, cmap="Blues", vmin=0.0, vmax=1.0, interpolation="nearest")
    points = min(9.0, 72 * side / len(labels) * 0.45)
    named = labels if len(labels) <= _MOST_NAMES else ()
    # Labels are other people's words: a dollar sign in one is no formula.
    for ticks, turn in ((axes.set_xticks, 90), (axes.set_yticks, 0)):
        ticks(range(len(named)), named, rotation=turn, fontsize=points, parse_math=False)
    axes.set_xlabel("heard", fontsize=9)
    axes.set_ylabel("said", fontsize=9)
    if len(labels) <= _MOST_COUNTS:
        for row, column in np.argwhere(count_KK > 0).tolist():
            colour = "white" if share_KK[row, column] > _DARK else "black"
            count = str(count_KK[row, column])
            small = points * min(1.0, 3.5 / len(count))
            axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=small)
    return drawn
