"""The picture of a confusion matrix: its words and shades, read back from the figure and from the pixels."""

import builtins
import io
from typing import Any

import numpy as np
import pytest

from sonant.track.confusion_chart import confusion_png

Figure = pytest.importorskip("matplotlib.figure").Figure

LABELS = ["yes", "$no$", "_silence_"]
COUNTS = np.array([[8, 2, 0], [0, 5, 0], [1, 30, 9]])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that were saved."""
    saved: list[Any] = []
    real = Figure.savefig

    def savefig(self: Any, *args: Any, **kwargs: Any) -> None:
        saved.append(self)
        real(self, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return saved


def words(axes: Any) -> dict[tuple[int, int], str]:
    return {(int(text.get_position()[1]), int(text.get_position()[0])): text.get_text() for text in axes.texts}


def test_each_split_is_a_matrix_of_counts_shaded_by_the_row(drawn: list[Any]) -> None:
    assert confusion_png(LABELS, {"validation": COUNTS, "test": np.eye(3, dtype=int)}) is not None
    first, second, bar = drawn[0].axes
    assert words(first) == {(0, 0): "8", (0, 1): "2", (1, 1): "5", (2, 0): "1", (2, 1): "30", (2, 2): "9"}
    assert words(second) == {(k, k): "1" for k in range(3)}
    assert [label.get_text() for label in first.get_yticklabels()] == LABELS
    assert [label.get_text() for label in first.get_xticklabels()] == LABELS
    assert first.images[0].get_array().tolist() == [[0.8, 0.2, 0.0], [0.0, 1.0, 0.0], [0.025, 0.75, 0.225]]
    assert (first.get_title(), first.get_ylabel(), first.get_xlabel()) == (
        "validation: 22 of 55 right",
        "said",
        "heard",
    )
    assert bar.get_ylabel() == "share of what was said"


def test_no_word_is_cut_off_or_drawn_over_another(drawn: list[Any]) -> None:
    labels = [f"a rather long label {n}" for n in range(12)]
    confusion_png(labels, {"validation": np.full((12, 12), 1234), "test": np.full((12, 12), 1234)})
    (figure,) = drawn
    for axes in figure.axes[:2]:
        cell = axes.transData.transform((1, 0))[0] - axes.transData.transform((0, 0))[0]
        boxes = [text.get_window_extent() for text in (*axes.get_xticklabels(), *axes.get_yticklabels())]
        assert min(box.x0 for box in boxes) >= 0
        assert min(box.y0 for box in boxes) >= 0
        assert max(box.x1 for box in boxes) <= figure.bbox.width
        assert max(text.get_window_extent().width for text in axes.texts) < cell
        assert all(text.get_window_extent().width < cell for text in axes.get_xticklabels())


def test_pixels_hold_the_shades(drawn: list[Any]) -> None:
    image = pytest.importorskip("PIL.Image")
    png = confusion_png(["a", "b"], {"test": np.array([[40, 0], [40, 0]])})
    assert png is not None
    pixels = np.asarray(image.open(io.BytesIO(png)).convert("RGB"))
    (axes, _) = drawn[0].axes
    # Beside the counts: the upper right quarter of a cell.
    places = [axes.transData.transform(place) for place in ((0.3, -0.3), (1.3, -0.3), (0.3, 0.7))]
    said, never, wrong = (pixels[len(pixels) - 1 - round(y), round(x)].astype(int).sum() for x, y in places)
    assert said == wrong < 300 < 700 < never


@pytest.mark.parametrize(("size", "named", "counted"), [(41, 41, 0), (120, 0, 0)])
def test_large_matrices_leave_out_what_could_not_be_read(drawn: list[Any], size: int, named: int, counted: int) -> None:
    confusion_png([f"w{n}" for n in range(size)], {"test": np.eye(size, dtype=int)})
    axes = drawn[0].axes[0]
    assert len([label for label in axes.get_yticklabels() if label.get_text()]) == named
    assert len(axes.texts) == counted
    assert max(drawn[0].get_size_inches()) < 20


def test_nothing_said_is_still_a_picture() -> None:
    assert confusion_png(["a", "b"], {"test": np.zeros((2, 2), int)}) is not None


def test_without_matplotlib_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    assert confusion_png(LABELS, {"test": COUNTS}) is None
