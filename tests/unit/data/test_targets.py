"""Spans of time to answers of frames."""

import numpy as np
import pytest

from sonant.data.source import Span
from sonant.data.targets import FrameGrid, labels_of
from sonant.errors import DataError
from sonant.runtime.frames import FrameLayout


def grid(delay: int = 0, labels: tuple[str, ...] = ("a", "b")) -> FrameGrid:
    return FrameGrid(FrameLayout(frame=100, delay=delay, causal=True, window=2000, context=0), labels, 1000)


def test_a_frame_counts_from_half_of_it_on() -> None:
    spans = [Span(0.15, 0.45, "a"), Span(0.46, 0.56, "b"), Span(0.3, 0.5, "other")]
    target_TK = grid().targets(spans, 0, 7)
    assert target_TK[:, 0].tolist() == [0, 1, 1, 1, 1, 0, 0]
    assert target_TK[:, 1].tolist() == [0, 0, 0, 0, 0, 1, 0]
    assert target_TK.dtype == np.uint8


def test_spans_that_meet_in_a_frame_add_up() -> None:
    spans = [Span(0.0, 0.13, "a"), Span(0.17, 0.3, "a")]
    assert grid().targets(spans, 0, 3)[:, 0].tolist() == [1, 1, 1]


def test_windows_and_delay_move_the_answers() -> None:
    spans = [Span(0.2, 0.4, "a")]
    assert grid().heard(spans, 0, 800)[:, 0].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert grid().heard(spans, 300, 800)[:, 0].tolist() == [0, 0, 0, 0, 0, 1, 1, 0]
    assert grid().heard(spans, -300, 800)[:, 0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    assert grid(delay=2).heard(spans, 0, 800)[:, 0].tolist() == [0, 0, 0, 0, 1, 1, 0, 0]
    assert grid(delay=2).whole(spans, 450)[:, 0].tolist() == [0, 0, 1, 1, 0]


def test_a_corpus_without_spans_is_refused(make_corpus) -> None:
    with pytest.raises(DataError, match="what is heard when"):
        labels_of(make_corpus([{"label": "a"}]))
