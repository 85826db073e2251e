"""Many live mixtures in one batch, each with a wanted voice of its own: the slots of an extractor.

Shapes: B rows of one call, N = F * hop samples, F hops, E numbers of a voice.
"""

from __future__ import annotations

import numpy as np

from sonant.runtime.graph import Array, State
from sonant.runtime.scores import Floats, sigmoid
from sonant.runtime.slots import Rows, Slot
from sonant.runtime.sound_slots import Heard, SoundPool
from sonant.runtime.voices import VoiceEngine

_VOICE = "voice"


class VoicePool(SoundPool):
    """`capacity` streams of one extractor."""

    def __init__(self, engine: VoiceEngine, capacity: int) -> None:
        fresh = engine.init_state(1)
        assert _VOICE not in fresh, "the voice is no state of the network"
        held = {_VOICE: np.zeros((1, engine.sizes.voice_size), np.float32)}
        super().__init__(engine.info, capacity, engine.hop, fresh | held)
        self.engine = engine

    def follow(self, voice_E: Floats) -> Slot | None:
        """A slot that has heard nothing and extracts this voice; None when all are taken."""
        return self.admit(**{_VOICE: voice_E})

    def change(self, slot: Slot, voice_E: Floats) -> None:
        """Extracts another voice from now on."""
        with self._rows:
            if self.holds(slot):
                self._state_R[_VOICE][slot.row] = voice_E

    def _ending(self, state: State, hops: int) -> Floats:
        return self.engine.ending(state, state.pop(_VOICE), hops)[0]

    def _advance(self, chunk_BN: Floats, state: State) -> tuple[tuple[Array, ...], State]:
        sound, after = self.engine.step(chunk_BN, state[_VOICE], state)
        if sound.presence_BF is None:
            return (sound.wav_BN,), after
        return (sound.wav_BN, sigmoid(sound.presence_BF)), after

    def _answers(self, rows_B: Rows, outputs: tuple[Array, ...]) -> list[Heard]:
        wav_BN, *told = outputs
        presences = told[0] if told else [None] * len(wav_BN)
        return [Heard(wav_N, presence_F) for wav_N, presence_F in zip(wav_BN, presences, strict=True)]
