"""Logits to probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def softmax(logits: Floats) -> Floats:
    """Probabilities over the last axis; no finite logit is too large for it."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def sigmoid(logits: Floats) -> Floats:
    """The probability of each logit on its own; none is too large or small for it."""
    return (0.5 * (1.0 + np.tanh(0.5 * logits))).astype(np.float32)


PROBABILITIES: Mapping[str, Callable[[Floats], Floats]] = {"classify": softmax, "detect": sigmoid}
"""By task: labels that exclude each other, or do not."""
