"""What a network's outputs mean to a user: the one place, for evaluation and for serving alike. numpy only.

Shapes: W windows of one recording, F live frames, K labels, N samples.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from sonant.runtime.events import Event, EventBank, Events
from sonant.runtime.info import BundleInfo
from sonant.runtime.scores import Floats, probabilities

__all__ = ["Classification", "Event", "EventBank", "Events", "Score", "classification", "windows"]


class Score(TypedDict):
    label: str
    score: float


class Classification(TypedDict):
    """The answer to "what is in this recording": JSON as every route, job and file of results gives it."""

    model: str
    label: str
    score: float
    scores: list[Score]
    duration_s: float


def windows(info: BundleInfo, wav_N: Floats) -> Floats:
    """Cuts a recording into wav_WN clips of the trained length.

    A shorter one stands in the middle of silence, as it did in training. A longer one is cut with half an overlap, and
    the last clip ends with the recording.
    """
    size = round(info.clip_s * info.sample_rate_hz)
    missing = size - len(wav_N)
    if missing >= 0:
        return np.pad(wav_N, (missing // 2, missing - missing // 2))[None].astype(np.float32)
    starts = window_starts(info, len(wav_N))
    return np.stack([wav_N[start : start + size] for start in starts]).astype(np.float32)


def window_starts(info: BundleInfo, samples: int) -> list[int]:
    """Where the windows of a recording of so many samples begin; before it, if it is shorter than one window."""
    size = round(info.clip_s * info.sample_rate_hz)
    last = samples - size
    return [-(-last // 2)] if last <= 0 else [*range(0, last, max(1, size // 2)), last]


def clip_scores(info: BundleInfo, logits_WK: Floats) -> Floats:
    """Calibrated scores of windows. Live frames are not calibrated: their thresholds hold for plain scores."""
    return probabilities(logits_WK, info.link.cooled(info.temperature))


def classification(info: BundleInfo, logits: Floats, duration_s: float, top_k: int | None = None) -> Classification:
    """The answer for one recording from its logits_K, or logits_WK of its windows, whose scores are averaged.

    `scores` holds the `top_k` likeliest labels (all by default), likeliest first.
    """
    score_K = clip_scores(info, np.atleast_2d(logits)).mean(axis=0)
    order = np.argsort(-score_K, kind="stable")[:top_k]
    scores: list[Score] = [{"label": info.labels[index], "score": float(score_K[index])} for index in order]
    return {
        "model": info.id,
        "label": scores[0]["label"],
        "score": scores[0]["score"],
        "scores": scores,
        "duration_s": round(duration_s, 6),
    }
