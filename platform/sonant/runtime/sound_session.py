"""One live client who is answered with sound: sound of any rate in chunks of any size goes in, sound comes out.

What comes out is at the model's rate, begins with the client's first sample and is as long as all that it sent: the
network's delay is taken off the beginning and asked for at the end. Like `runtime.session`, it does no inference:

    ready = {session.slot: chunk for session in sessions if (chunk := session.ready()) is not None}
    for slot, heard in pool.step(ready).items():
        wav_N = by_slot[slot].take(heard)
"""

from __future__ import annotations

from sonant.runtime.intake import Intake
from sonant.runtime.scores import Floats
from sonant.runtime.slots import Slot
from sonant.runtime.sound_slots import Heard, SoundPool


class SoundSession(Intake):
    """The stream of one client on one slot of a pool."""

    def __init__(self, pool: SoundPool, slot: Slot, rate_hz: int) -> None:
        super().__init__(rate_hz, pool.info.sample_rate_hz, pool.hop)
        self.slot = slot
        self._pool = pool
        self._early = pool.info.latency
        """Samples that stand before the client's first one and are still to come."""
        self.given = 0
        """Samples handed to the client: in the end all that were resampled."""

    def take(self, heard: Heard) -> Floats:
        """The new samples for the client, none at first; with the mixture's own, sample by sample."""
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

    def _aligned(self, wav_N: Floats) -> Floats:
        early = min(self._early, len(wav_N))
        self._early -= early
        wav_N = wav_N[early : early + self.resampled - self.given]
        self.given += len(wav_N)
        return wav_N
