"""Live sessions of an extractor: sound that follows one voice, of an enrolled speaker or of a recording."""

from __future__ import annotations

from sonant.edge.enrolment import Enroller
from sonant.edge.protocol import Start
from sonant.edge.streams_sound import SoundStreams
from sonant.errors import RequestError
from sonant.runtime.slots import Slot
from sonant.runtime.voice_slots import VoicePool


class VoiceStreams(SoundStreams):
    """Sessions that each have a wanted voice of their own."""

    options = SoundStreams.options | {"speaker", "enroll"}

    def __init__(self, pool: VoicePool, enroller: Enroller) -> None:
        super().__init__(pool)
        self._voices, self._enroller = pool, enroller

    def check(self, start: Start) -> None:
        """Also whose voice it is to be must be said, once."""
        super().check(start)
        if (start.speaker is not None) == start.enroll:
            told = 'a start message says whose voice is wanted: one of "speaker" (an id) and "enroll": true'
            raise RequestError("request.invalid", told)

    async def prepare(self, slot: Slot, start: Start, reference: bytes | None) -> None:
        """The slot follows the speaker's voice, or that of the recording."""
        if start.speaker is not None:
            voice_E = await self._enroller.of_speaker(start.speaker)
        else:
            assert reference is not None, "who says enroll sends a recording"
            voice_E = (await self._enroller.of_recordings([reference])).voice_E
        self._voices.change(slot, voice_E)
