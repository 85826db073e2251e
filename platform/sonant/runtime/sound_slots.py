"""Many live streams in one batch whose answer is sound: what extractors and enhancers have in common.

Shapes: N = F * hop samples, F hops.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from sonant.runtime.graph import State
from sonant.runtime.info import BundleInfo
from sonant.runtime.scores import Floats
from sonant.runtime.slots import Pool, Slot


@dataclass(slots=True)
class Heard:
    """What one step gave one stream: as many samples as went in, `latency` samples behind them."""

    wav_N: Floats
    presence_F: Floats | None = None
    """Probability that what is wanted is there, one a hop; None: the network does not tell."""


class SoundPool(Pool[Heard]):
    """`capacity` streams of one network that answers with sound."""

    def __init__(self, info: BundleInfo, capacity: int, hop: int, fresh: State) -> None:
        super().__init__(capacity, hop, fresh)
        self.info = info

    def ending(self, slot: Slot, hops: int) -> Floats:
        """The last `latency` samples of a stream that ends after so many hops; nothing if it was released."""
        with self._stepping:
            with self._rows:
                if not self.holds(slot):
                    return np.zeros(0, np.float32)
                self._put_back()
                state = {name: value[slot.row : slot.row + 1].copy() for name, value in self._state_R.items()}
            return self._ending(state, hops)

    @abstractmethod
    def _ending(self, state: State, hops: int) -> Floats:
        """`ending` of the one stream with this state."""
