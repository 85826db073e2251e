"""How good each label is, read off a confusion matrix (row = true label)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from sonant.metrics.confusion import Matrix
from sonant.metrics.f1 import f1


class LabelScores(TypedDict):
    """One label. None: nothing was taken for it (precision), it does not occur (recall), or neither (F1)."""

    precision: float | None
    recall: float | None
    f1: float | None
    clips: int


def per_label(confusion_KK: Matrix, labels: Sequence[str]) -> dict[str, LabelScores]:
    """Precision, recall, F1 and the number of clips of every label, ready for JSON."""
    hits_K, said_K, heard_K = np.diag(confusion_KK), confusion_KK.sum(axis=1), confusion_KK.sum(axis=0)
    f1_K = f1(confusion_KK)
    return {
        label: {
            "precision": _share(int(hits_K[k]), int(heard_K[k])),
            "recall": _share(int(hits_K[k]), int(said_K[k])),
            "f1": None if np.isnan(f1_K[k]) else float(f1_K[k]),
            "clips": int(said_K[k]),
        }
        for k, label in enumerate(labels)
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
