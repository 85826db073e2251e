"""Enrolled speakers: their vectors, and no sound, each in a file of its own that ends (`edge.shelf`)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, ValidationError

from models.base import Section
from sonant.edge import shelf
from sonant.errors import RequestError
from sonant.runtime.info import BundleInfo

SPEAKER_ID = {"type": "string", "description": "Id of an enrolled speaker.", "examples": [f"spk_{0x5EED:032x}"]}
"""JSON schema of an id, where a request gives one."""
_MAX_BYTES = 2_000_000

log = logging.getLogger(__name__)


class Speaker(Section):
    """One enrolment. The id is 128 random bits: it cannot be guessed."""

    schema_version: Literal[1] = 1
    """Version of this description."""
    id: str
    """spk_ and 32 hexadecimal digits."""
    name: Annotated[str, Field(max_length=200)] = ""
    """What the enroller calls it; for people only."""
    created: FiniteFloat
    """Seconds since 1970."""
    expires: FiniteFloat
    """Likewise: from then on it is refused."""
    model: str
    """Name and version of the bundle that made the vector."""
    recordings: Annotated[int, Field(ge=1)]
    """How many it was made of."""
    duration_s: FiniteFloat
    """Their length together."""
    vector: Annotated[tuple[FiniteFloat, ...], Field(min_length=1, max_length=65_536)]
    """An embedder's has length 1; an extractor's is as its enroll graph makes it."""

    def check_model(self, info: BundleInfo) -> None:
        """Raises unless the vector is one of this bundle, embedder or extractor: no other knows what it means."""
        size = info.embed.size if info.embed is not None else info.extract.voice_size if info.extract is not None else 0
        if self.model != info.id or len(self.vector) != size:
            told = f"{self.id} was enrolled with {self.model} ({len(self.vector)} numbers), here is {info.id} ({size})"
            raise RequestError("speaker.mismatch", told)


def new_id() -> str:
    """spk_ and 128 random bits."""
    return shelf.new_id("spk")


class SpeakerStore:
    """Enrolments at a path or URL; `now` gives seconds since 1970. Calls read and write files: not in event loops."""

    def __init__(self, url: str, now: Callable[[], float] = time.time) -> None:
        self._shelf = shelf.Shelf(url, "spk", ".json", max_head=_MAX_BYTES, now=now)

    def now(self) -> float:
        """Seconds since 1970."""
        return self._shelf.now()

    def ids(self) -> list[str]:
        """The ids of all enrolments, sorted; some may be out of date."""
        return self._shelf.ids()

    def has_room(self, most: int) -> bool:
        """Whether there are fewer enrolments than `most`."""
        return self._shelf.has_room(most)

    def put(self, speaker: Speaker) -> None:
        """Writes an enrolment, in one piece."""
        self._shelf.put(speaker.id, speaker.model_dump_json())

    def get(self, speaker_id: str) -> Speaker:
        """An enrolment that holds; RequestError speaker.not_found otherwise."""
        found = self._read(speaker_id)
        if found is None:
            raise RequestError("speaker.not_found", f"there is no speaker {speaker_id[:64]!r}")
        return found

    def some(self, count: int, after: str = "") -> list[Speaker]:
        """The first enrolments in order of their ids, of those behind `after`."""
        found: list[Speaker] = []
        for speaker_id in self.ids():
            if speaker_id > after and (speaker := self._read(speaker_id)) is not None:
                found.append(speaker)
                if len(found) == count:
                    break
        return found

    def delete(self, speaker_id: str) -> None:
        """Ends an enrolment; speaker.not_found where there is none."""
        self.get(speaker_id)
        self._shelf.remove(speaker_id)

    def _read(self, speaker_id: str) -> Speaker | None:
        head = self._shelf.head(speaker_id)
        if head is None:
            return None
        try:
            return Speaker.model_validate(head)
        except ValidationError as error:
            log.warning("the enrolment %s is damaged: %s", speaker_id, type(error).__name__)
            return None
