"""Many live recordings in one batch whose answers are sound.

Shapes: B rows of one call, N = F * hop samples, F hops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sonant.runtime.graph import Array, State
from sonant.runtime.scores import Floats, sigmoid
from sonant.runtime.slots import Pool, Rows, Slot
from sonant.runtime.sounds import Held, SoundEngine


@dataclass(slots=True)
class Heard:
    """What one step gave one stream: as many samples as went in, `latency` samples behind them."""

    wav_N: Floats
    presence_F: Floats | None = None
    """Probability that the wanted voice is there, one a hop; None: the network does not tell."""


class SoundPool(Pool[Heard]):
    """`capacity` streams of one engine."""

    def __init__(self, engine: SoundEngine, capacity: int, held: Mapping[str, Floats] | None = None) -> None:
        """`held` are the values [1, ...] that each stream is told at every step, until it is given others."""
        fresh, held = engine.init_state(1), dict(held or {})
        assert not held.keys() & fresh.keys(), "what a stream is told is no state of the network"
        super().__init__(capacity, engine.hop, fresh | held)
        self.engine = engine
        self.info = engine.info
        self._told = tuple(held)

    def ending(self, slot: Slot, hops: int) -> Floats:
        """The last `latency` samples of a stream that ends after so many hops; nothing if it was released."""
        with self._stepping:
            with self._rows:
                if not self.holds(slot):
                    return np.zeros(0, np.float32)
                self._put_back()
                state = {name: value[slot.row : slot.row + 1].copy() for name, value in self._state_R.items()}
            held = {name: state.pop(name) for name in self._told}
            return self.engine.rest(state, hops, held)[0]

    def _advance(self, chunk_BN: Floats, state: State) -> tuple[tuple[Array, ...], State]:
        held: Held = {name: state[name] for name in self._told}
        sound, after = self.engine.advance(chunk_BN, state, held)
        if sound.presence_BF is None:
            return (sound.wav_BN,), after
        return (sound.wav_BN, sigmoid(sound.presence_BF)), after

    def _answers(self, rows_B: Rows, outputs: tuple[Array, ...]) -> list[Heard]:
        wav_BN, *told = outputs
        presences = told[0] if told else [None] * len(wav_BN)
        return [Heard(wav_N, presence_F) for wav_N, presence_F in zip(wav_BN, presences, strict=True)]
