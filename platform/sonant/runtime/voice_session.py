"""One live client whose wanted voice is extracted: a `SoundSession` on a pool of voices."""

from __future__ import annotations

from sonant.runtime.slots import Slot
from sonant.runtime.sound_session import SoundSession
from sonant.runtime.voice_slots import VoicePool


class VoiceSession(SoundSession):
    """The stream of one client on one slot of a pool."""

    def __init__(self, pool: VoicePool, slot: Slot, rate_hz: int) -> None:
        super().__init__(pool, slot, rate_hz)
