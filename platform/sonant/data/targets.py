"""What a network should answer at each frame of a stretch of sound: which labels' spans it lies in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sonant.data.corpus import Corpus
from sonant.data.source import Span
from sonant.errors import DataError
from sonant.runtime.frames import FrameLayout

Targets = NDArray[np.uint8]


@dataclass(frozen=True)
class FrameGrid:
    """The frames of a network, and the labels that it tells in them."""

    layout: FrameLayout
    labels: tuple[str, ...]
    rate_hz: int

    def targets(self, spans: Sequence[Span], first: int, count: int) -> Targets:
        """(T, K): 1 where at least half of a frame is inside spans of the label. Frame 0 begins at sample `first`."""
        share_TK = np.zeros((count, len(self.labels)))
        number = {label: index for index, label in enumerate(self.labels)}
        for span in spans:
            if span.label not in number:
                continue
            begin, end = ((time_s * self.rate_hz - first) / self.layout.frame for time_s in (span.start_s, span.end_s))
            low, high = max(0, int(np.floor(begin))), min(count, int(np.ceil(end)))
            frame_T = np.arange(low, max(low, high))
            share_TK[low : max(low, high), number[span.label]] += np.minimum(end, frame_T + 1) - np.maximum(
                begin, frame_T
            )
        # Up to rounding: spans that fill just half of a frame count.
        return (share_TK >= 0.5 - 1e-9).astype(np.uint8)

    def heard(self, spans: Sequence[Span], begin: int, window: int) -> Targets:
        """What to answer at the frames of a window in which a clip begins at sample `begin`, the delay included."""
        late = self.layout.delay * self.layout.frame
        return self.targets(spans, -begin - late, window // self.layout.frame)

    def whole(self, spans: Sequence[Span], samples: int) -> Targets:
        """What to answer at the frames of a whole clip, once its delay is taken away."""
        return self.targets(spans, 0, -(-samples // self.layout.frame))


def labels_of(corpus: Corpus) -> tuple[str, ...]:
    """The labels of a corpus' spans, sorted."""
    return tuple(sorted({span.label for spans in spans_of(corpus) for span in spans}))


def spans_of(corpus: Corpus) -> list[list[Span]]:
    """The spans of every row; DataError where the corpus has none."""
    if corpus.spans_R is None:
        hint = "prepare it with kind=spans: detection learns from what is heard when"
        raise DataError("data.invalid", f"{corpus.path} does not say what is heard when", hint=hint)
    return corpus.spans_R
