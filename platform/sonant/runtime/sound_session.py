"""One live client whose answer is sound: sound of any rate in chunks of any size goes in, sound comes out.

What comes out is at the model's rate, begins with the client's first sample and is as long as all that it sent: the
network's delay is taken off the beginning and asked for at the end. Like `runtime.session`, it does no inference:

    ready = {session.slot: chunk for session in sessions if (chunk := session.ready()) is not None}
    for slot, heard in pool.step(ready).items():
        wav_N = by_slot[slot].take(heard)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sonant.runtime.intake import Intake
from sonant.runtime.scores import Floats
from sonant.runtime.slots import Slot
from sonant.runtime.sound_slots import Heard, SoundPool


class SoundSession(Intake):
    """The stream of one client on one slot of a pool."""

    def __init__(self, pool: SoundPool, slot: Slot, rate_hz: int, *, dry: float = 0.0) -> None:
        """`dry` is the share of what the client sent that is mixed with what comes out; it may be changed at any
        time."""
        super().__init__(rate_hz, pool.info.sample_rate_hz, pool.hop)
        self.slot, self.dry = slot, dry
        self._pool = pool
        self._early = pool.info.latency
        """Samples that stand before the client's first one and are still to come."""
        self._sent = np.zeros(0, np.float32)
        """Samples that went into the network and have not come out of it."""
        self.given = 0
        """Samples handed to the client: in the end all that were resampled."""

    def ready(self) -> Floats | None:
        """The next whole hops; None when less than a hop waits."""
        chunk = super().ready()
        if chunk is not None:
            self._sent = np.concatenate((self._sent, chunk))
        return chunk

    def take(self, heard: Heard) -> Floats:
        """The new samples for the client, none at first; with the recording's own, sample by sample."""
        return self._aligned(heard.wav_N)

    def flush(self) -> None:
        """The client has ended: zeros fill the last hop. Ask for what is `ready` until there is nothing, then
        `finish`. Nothing may be pushed any more."""
        self._end(0)

    def finish(self) -> Floats:
        """The samples that the network still held back."""
        if not self.stepped:
            return self._waiting[:0]
        return self._aligned(self._pool.ending(self.slot, self.stepped // self._pool.hop))

    def save(self) -> dict[str, Any]:
        """All that it takes to go on from here, besides what the pool saves."""
        own = {"early": self._early, "sent": self._sent, "given": self.given, "dry": self.dry}
        return {**super().save(), **own}

    def load(self, saved: dict[str, Any]) -> None:
        """Goes on from there."""
        super().load(saved)
        self._early, self._sent = saved["early"], saved["sent"]
        self.given, self.dry = saved["given"], saved["dry"]

    def _aligned(self, wav_N: Floats) -> Floats:
        early = min(self._early, len(wav_N))
        self._early -= early
        wav_N = wav_N[early : early + self.resampled - self.given]
        self.given += len(wav_N)
        sent_N, self._sent = self._sent[: len(wav_N)], self._sent[len(wav_N) :]
        return (self.dry * sent_N + (1 - self.dry) * wav_N).astype(np.float32) if self.dry else wav_N
