"""Where a clean recording is loud: spans for speech that nobody has marked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.audio.activity import loud
from sonant.data.source import Span, Spans


def loud_spans(pcm_N: NDArray[np.int16], rate_hz: int, label: str) -> Spans:
    """The stretches of a recording that stand out from its floor, by the level of 10 ms frames."""
    return [Span(start_s, end_s, label) for start_s, end_s in loud(pcm_N, rate_hz)]
