"""Where a clean recording is loud: spans for speech that nobody has marked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.data.source import Span, Spans

_FRAME_S = 0.01
# Relative to the loud frames (95th percentile), and to the floor of the recording (5th).
_BELOW_LOUD_DB = 30.0
_ABOVE_FLOOR_DB = 9.0
# Closures of plosives are no pauses, and clicks are no speech.
_JOIN_S = 0.15
_SHORTEST_S = 0.08
_EDGE_S = 0.02


def loud_spans(pcm_N: NDArray[np.int16], rate_hz: int, label: str) -> Spans:
    """The stretches of a recording that stand out from its floor, by the level of 10 ms frames."""
    frame = max(1, round(_FRAME_S * rate_hz))
    count = pcm_N.size // frame
    if count == 0 or not pcm_N.any():
        return []
    frames_TN = pcm_N[: count * frame].reshape(count, frame).astype(np.float64)
    level_T = 10 * np.log10(frames_TN.var(axis=1) + 1.0)
    # Consonants are quieter than vowels: a short average carries the level over them.
    smooth_T = np.convolve(np.pad(level_T, 2, mode="edge"), np.full(5, 0.2), "valid")
    floor, loud = np.percentile(smooth_T, (5, 95))
    threshold = min(max(loud - _BELOW_LOUD_DB, floor + _ABOVE_FLOOR_DB), loud - 3.0)
    edge_E = np.flatnonzero(np.diff(np.concatenate(([0], (smooth_T > threshold).astype(np.int8), [0]))))
    spans: Spans = []
    last_s = pcm_N.size / rate_hz
    for first, end in edge_E.reshape(-1, 2).tolist():
        start_s, end_s = max(0.0, first * _FRAME_S - _EDGE_S), min(last_s, end * _FRAME_S + _EDGE_S)
        if spans and start_s - spans[-1].end_s < _JOIN_S:
            spans[-1] = spans[-1]._replace(end_s=end_s)
        else:
            spans.append(Span(start_s, end_s, label))
    return [span for span in spans if span.end_s - span.start_s >= _SHORTEST_S + 2 * _EDGE_S]
