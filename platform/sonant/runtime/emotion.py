"""The answer to "how does this voice feel", for a recording and along it. numpy only.

Shapes: W windows of one recording, C cells of its timeline, K labels.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

import numpy as np

from sonant.runtime.answer import clip_scores, window_starts
from sonant.runtime.info import BundleInfo
from sonant.runtime.scores import Floats


class Segment(TypedDict):
    """One stretch of a recording, in seconds from its beginning."""

    t_start: float
    t_end: float
    emotion: str
    probabilities: dict[str, float]


class Emotion(TypedDict):
    """The likeliest emotion of a recording, and the probability of each."""

    emotion: str
    probabilities: dict[str, float]
    timeline: NotRequired[list[Segment]]


def emotion(info: BundleInfo, logits: Floats, duration_s: float, *, timeline: bool = False) -> Emotion:
    """The answer for one recording from its logits_K, or logits_WK of its windows, whose probabilities are averaged.

    The timeline has a segment for each half window, without gaps; windows count in it by how much of it they hear.
    """
    score_WK = clip_scores(info, np.atleast_2d(logits))
    found = _named(info, score_WK.mean(axis=0))
    return {**found, "timeline": segments(info, score_WK, duration_s)} if timeline else found


def segments(info: BundleInfo, score_WK: Floats, duration_s: float) -> list[Segment]:
    """The timeline; the last segment is a quarter to three quarters of a window long."""
    begin_W = np.array(window_starts(info, round(duration_s * info.sample_rate_hz))) / info.sample_rate_hz
    half_s = info.clip_s / 2
    count = max(1, round(duration_s / half_s)) if duration_s > info.clip_s else 1
    edges = [*(half_s * cell for cell in range(count)), duration_s]
    first_C1, last_C1 = np.array(edges[:-1])[:, None], np.array(edges[1:])[:, None]
    heard_CW = np.minimum(last_C1, begin_W + info.clip_s) - np.maximum(first_C1, begin_W)
    weight_CW = np.maximum(heard_CW, 0.0)
    score_CK = weight_CW @ score_WK / weight_CW.sum(axis=1, keepdims=True)
    return [
        {"t_start": round(start, 6), "t_end": round(end, 6), **_named(info, score_K)}
        for start, end, score_K in zip(edges[:-1], edges[1:], score_CK, strict=True)
    ]


def _named(info: BundleInfo, score_K: Floats) -> Emotion:
    named = dict(zip(info.labels, (float(score) for score in score_K), strict=True))
    return {"emotion": info.labels[int(score_K.argmax())], "probabilities": named}
