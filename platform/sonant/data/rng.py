"""Random numbers as pure functions of (purpose, seed, ...): no generator lives longer than one call."""

from __future__ import annotations

import hashlib
from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """First number of every seed, so that two uses with the same (seed, epoch) never share a stream."""

    ORDER = 1
    AUGMENT = 2
    MIXUP = 3
    NOISE = 4
    SPLIT = 5
    VOICES = 6
    SPEECH = 7
    SILENCE = 8
    PIECES = 9
    MIXTURE = 10
    ROOM = 11
    NOISY = 12


def rng(purpose: Purpose, *numbers: int) -> np.random.Generator:
    """A generator that depends on its arguments alone."""
    return np.random.default_rng([int(purpose), *numbers])


def text_seed(text: str) -> int:
    """A number for a text, the same on every machine and in every process (unlike `hash`)."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
