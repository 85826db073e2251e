"""Many live mixtures in one batch, each with a wanted voice of its own: the slots of an extractor.

Shapes: E numbers of a voice.
"""

from __future__ import annotations

import numpy as np

from sonant.runtime.scores import Floats
from sonant.runtime.slots import Slot
from sonant.runtime.sound_slots import Heard, SoundPool
from sonant.runtime.voices import VOICE, VoiceEngine

__all__ = ["Heard", "VoicePool"]


class VoicePool(SoundPool):
    """`capacity` streams of one extractor."""

    def __init__(self, engine: VoiceEngine, capacity: int) -> None:
        super().__init__(engine, capacity, {VOICE: np.zeros((1, engine.sizes.voice_size), np.float32)})

    def follow(self, voice_E: Floats) -> Slot | None:
        """A slot that has heard nothing and extracts this voice; None when all are taken."""
        return self.admit(**{VOICE: voice_E})

    def change(self, slot: Slot, voice_E: Floats) -> None:
        """Extracts another voice from now on."""
        with self._rows:
            if self.holds(slot):
                self._state_R[VOICE][slot.row] = voice_E
