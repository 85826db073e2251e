"""Vectors of recordings: what they are made of, and how alike two are. numpy only.

Shapes: W windows of one recording, E numbers of an embedding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sonant.runtime.scores import Floats

_TINY = 1e-12


def normalised(emb_WE: ArrayLike) -> Floats:
    """Rows of length 1; a row of zeros stays what it is."""
    wide_WE = np.asarray(emb_WE, np.float64)
    length_W1 = np.linalg.norm(wide_WE, axis=-1, keepdims=True)
    return (wide_WE / np.maximum(length_W1, _TINY)).astype(np.float32)


def pooled(emb_WE: ArrayLike) -> Floats:
    """One embedding of length 1 for several: their mean direction. Likewise of several recordings of one speaker."""
    return normalised(normalised(np.atleast_2d(emb_WE)).mean(axis=0))


def cosine(first_E: ArrayLike, second_E: ArrayLike) -> float:
    """From -1 to 1: how alike two embeddings are."""
    return float(np.clip(normalised(first_E) @ normalised(second_E), -1.0, 1.0))
