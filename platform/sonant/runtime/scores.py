"""From a network's outputs to scores between 0 and 1: the only place that knows how, for clips and streams."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.config.loss import Link

Floats = NDArray[np.float32]


def probabilities(outputs: Floats, link: Link) -> Floats:
    """Scores of the labels, which are the last axis, as the bundle's link has it."""
    scaled = outputs if link.scale == 1.0 else outputs * np.float32(link.scale)
    return softmax(scaled) if link.kind == "softmax" else sigmoid(scaled)


def softmax(logits: Floats) -> Floats:
    """Probabilities over the last axis; no finite logit is too large for it."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def sigmoid(logits: Floats) -> Floats:
    """The probability of each logit for itself; no finite one is too large for it."""
    shrunk = np.exp(-np.abs(logits))
    upper = 1 / (1 + shrunk)
    return np.where(logits >= 0, upper, shrunk * upper).astype(np.float32)
