"""What a network's outputs mean to a user: the one place, for evaluation and for serving alike. numpy only.

Shapes: W windows of one recording, F live frames, K labels, N samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from sonant.errors import ModelError
from sonant.runtime import frames, vectors
from sonant.runtime.events import Event, EventBank, Events
from sonant.runtime.info import BundleInfo
from sonant.runtime.scores import Floats, probabilities
from sonant.runtime.segments import point_of, segments

__all__ = [
    "ANSWERS",
    "Answer",
    "Classification",
    "Detection",
    "Embedding",
    "Event",
    "EventBank",
    "Events",
    "Score",
    "Segment",
    "classification",
    "clips",
    "detection",
    "embedding",
    "option_of",
    "windows",
]


Samples = NDArray[Any]


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


class Segment(TypedDict):
    t_start: float
    t_end: float
    label: str
    score: float


class Detection(TypedDict):
    """The answer to "when is it heard": likewise."""

    model: str
    operating_point: str
    segments: list[Segment]
    duration_s: float


class Embedding(TypedDict):
    """The answer to "who is it": likewise. The vector has length 1; the cosine of two tells how alike they are."""

    model: str
    embedding: list[float]
    duration_s: float


def windows(info: BundleInfo, wav_N: Floats) -> Floats:
    """Cuts a recording into wav_WN clips of the trained length, or into the windows of a detector's layout.

    A shorter one stands in the middle of silence, as it did in training. A longer one is cut with half an overlap, and
    the last clip ends with the recording.
    """
    if info.detect is not None:
        return frames.windows(info.detect.layout, wav_N)
    return clips(wav_N, round(info.clip_s * info.sample_rate_hz)).astype(np.float32)


def clips(wav_N: Samples, size: int) -> Samples:
    """`windows` of so many samples; the samples stay of their type."""
    missing = size - len(wav_N)
    if missing >= 0:
        return np.pad(wav_N, (missing // 2, missing - missing // 2))[None]
    return np.stack([wav_N[start : start + size] for start in _starts(len(wav_N), size)])


def window_starts(info: BundleInfo, samples: int) -> list[int]:
    """Where the windows of a recording of so many samples begin; before it, if it is shorter than one window."""
    return _starts(samples, round(info.clip_s * info.sample_rate_hz))


def _starts(samples: int, size: int) -> list[int]:
    last = samples - size
    return [-(-last // 2)] if last <= 0 else [*range(0, last, max(1, size // 2)), last]


def clip_scores(info: BundleInfo, logits_WK: Floats) -> Floats:
    """Calibrated scores of windows. Live frames are not calibrated: their thresholds hold for plain scores."""
    return probabilities(logits_WK, info.link.cooled(info.temperature))


def classification(info: BundleInfo, logits: Floats, duration_s: float, top_k: int | None = None) -> Classification:
    """The answer for one recording from its logits_K, or logits_WK of its windows.

    `scores` holds the `top_k` likeliest labels (all by default), likeliest first.
    """
    score_K = _of_recording(info, clip_scores(info, np.atleast_2d(logits)))
    order = np.argsort(-score_K, kind="stable")[:top_k]
    scores: list[Score] = [{"label": info.labels[index], "score": float(score_K[index])} for index in order]
    return {
        "model": info.id,
        "label": scores[0]["label"],
        "score": scores[0]["score"],
        "scores": scores,
        "duration_s": round(duration_s, 6),
    }


def _of_recording(info: BundleInfo, score_WK: Floats) -> Floats:
    """Scores of windows are averaged. Where labels stand for "none of the words", the window that is least of those
    counts instead: a word fills one window of a long recording, and the others would outvote it."""
    background = [index for index, label in enumerate(info.labels) if label in info.background]
    if not background:
        return score_WK.mean(axis=0)
    return score_WK[score_WK[:, background].sum(axis=1).argmin()]


def detection(info: BundleInfo, logits_WTK: Floats, duration_s: float, point: str | None = None) -> Detection:
    """The segments of one recording from the logits of its windows; `point` names an operating point."""
    assert info.detect is not None, "the schema ties operating points to detectors"
    name, rules = point_of(info, point)
    logits_TK = frames.join(info.detect.layout, logits_WTK, round(duration_s * info.sample_rate_hz))
    found = segments(
        probabilities(logits_TK, info.link), rules, info.labels, info.detect.layout.frame / info.sample_rate_hz
    )
    return {
        "model": info.id,
        "operating_point": name,
        "segments": [
            {
                "t_start": round(event.t_start, 4),
                "t_end": round(min(event.t_end, duration_s), 4),
                "label": event.label,
                "score": round(event.score, 6),
            }
            for event in found
        ],
        "duration_s": round(duration_s, 6),
    }


def embedding(info: BundleInfo, emb_WE: Floats, duration_s: float, option: None = None) -> Embedding:
    """The vector of one recording from those of its windows: comparable with others of the same bundle."""
    emb_E = vectors.pooled(emb_WE)
    return {"model": info.id, "embedding": emb_E.tolist(), "duration_s": round(duration_s, 6)}


def option_of(info: BundleInfo, top_k: int | None = None, point: str | None = None) -> int | str | None:
    """Of what a caller may ask for, what this bundle's task takes; an operating point must be one of its own."""
    if info.embed is not None:
        return None
    if info.detect is None and point is not None:
        raise ModelError("model.unknown", f"{info.id} has no operating points", hint="only detectors have them")
    return top_k if info.detect is None else point_of(info, point)[0]


Answer = Classification | Detection | Embedding
ANSWERS: Mapping[str, Callable[[BundleInfo, Floats, float, Any], Answer]] = {
    "classify": classification,
    "detect": detection,
    "embed": embedding,
}
"""By task, the answer for one recording; the last argument is `top_k`, the name of an operating point, or nothing."""
