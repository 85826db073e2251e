"""Responses of simulated rooms, each voice at its own distance from the microphone."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sonant.data.augment.noise import BANK_SAMPLES
from sonant.data.augment.room import impulse_responses
from sonant.data.recipes.parts import Room
from sonant.data.rng import Purpose, rng

# Ratio of direct to reverberant energy: from near the microphone to across the room.
_DRR_DB = (-3.0, 15.0)
# Responses have one of few lengths: the bank of noise that their tails are read from is kept by length.
_RINGS_S = (1.0, 4.0)


def responses(room: Room, voices: int, rate_hz: int) -> Tensor:
    """Impulse responses (voices, M); the direct sound is the first sample of each."""
    generator = rng(Purpose.ROOM, room.seed)
    reverb_V = 10 ** (-generator.uniform(*_DRR_DB, voices) / 10)
    start_V = generator.integers(0, BANK_SAMPLES, voices)
    return impulse_responses(
        torch.full((voices,), room.rt60_s),
        torch.from_numpy(reverb_V.astype(np.float32)),
        torch.from_numpy(start_V),
        samples=round(rate_hz * next(ring_s for ring_s in _RINGS_S if ring_s >= min(room.rt60_s, _RINGS_S[-1]))),
        sample_rate_hz=rate_hz,
    )
