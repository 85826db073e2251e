"""Enrolled speakers: their vectors, and no sound, each in a file of its own in a folder or behind any fsspec URL.

All replicas share the folder, and nothing is kept in memory. An enrolment ends: what is out of date is refused and
removed by whoever meets it. A file appears whole or not at all.
"""

from __future__ import annotations

import json
import logging
import os
import random
import re
import secrets
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal, cast

import fsspec
from fsspec.core import split_protocol
from pydantic import Field, FiniteFloat, ValidationError

from models.base import Section
from sonant.errors import ConfigError, RequestError
from sonant.runtime.info import BundleInfo

_PROTOCOLS = ("file", "s3", "gs", "memory")
_ID = re.compile(r"spk_[0-9a-f]{32}")
_MAX_BYTES = 2_000_000
_SWEPT = 16
"""Enrolments that are looked at whenever a new one comes."""

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
    return f"spk_{secrets.token_hex(16)}"


class SpeakerStore:
    """Enrolments at a path or URL; `now` gives seconds since 1970. Calls read and write files: not in event loops."""

    def __init__(self, url: str, now: Callable[[], float] = time.time) -> None:
        protocol = split_protocol(url)[0] or "file"
        if protocol not in _PROTOCOLS or "::" in url:
            raise ConfigError("config.invalid", f"speakers: {url} is none of {', '.join(_PROTOCOLS)}")
        self._fs, self._root = cast(tuple[Any, str], fsspec.url_to_fs(url))
        self._fs.use_listings_cache = False
        self._local, self.now = protocol == "file", now

    def put(self, speaker: Speaker) -> None:
        """Writes an enrolment, in one piece."""
        path, data = self._path(speaker.id), (speaker.model_dump_json() + "\n").encode()
        if not self._local:
            self._fs.makedirs(self._root, exist_ok=True)
            self._fs.pipe_file(path, data)
            return
        # A voice is nobody else's business on a shared machine.
        os.makedirs(self._root, mode=0o700, exist_ok=True)
        beside = f"{self._root}/.{speaker.id}.{os.getpid()}.part"
        try:
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(beside, path)
        finally:
            if os.path.exists(beside):
                os.remove(beside)

    def get(self, speaker_id: str) -> Speaker:
        """An enrolment that holds; RequestError speaker.not_found otherwise."""
        found = self._read(speaker_id) if _ID.fullmatch(speaker_id) else None
        if found is None:
            raise _unknown(speaker_id)
        return found

    def ids(self) -> list[str]:
        """The ids of all enrolments, sorted; some may be out of date."""
        self._fs.invalidate_cache()
        try:
            paths = cast(list[str], self._fs.ls(self._root, detail=False))
        except FileNotFoundError:
            return []
        names = (path.rstrip("/").rpartition("/")[2] for path in paths)
        return sorted(name[:-5] for name in names if name.endswith(".json") and _ID.fullmatch(name[:-5]))

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
        self._remove(speaker_id)

    def has_room(self, most: int) -> bool:
        """Whether there are fewer enrolments than `most`. Looks at some, so that those nobody asks for end, too; only
        when there seem to be too many, at all."""
        known = self.ids()
        looked_at = known if len(known) >= most else random.sample(known, min(_SWEPT, len(known)))
        gone = sum(self._read(speaker_id) is None for speaker_id in looked_at)
        return len(known) - gone < most

    def _read(self, speaker_id: str) -> Speaker | None:
        """None where there is none, any more; what is out of date is removed."""
        try:
            raw = cast(bytes, self._fs.cat_file(self._path(speaker_id), end=_MAX_BYTES))
        except FileNotFoundError:
            return None
        try:
            speaker = Speaker.model_validate(json.loads(raw))
        except (ValidationError, UnicodeDecodeError, json.JSONDecodeError) as error:
            log.warning("the enrolment %s is damaged: %s", speaker_id, type(error).__name__)
            return None
        if speaker.id != speaker_id or speaker.expires <= self.now():
            self._remove(speaker_id)
            return None
        return speaker

    def _remove(self, speaker_id: str) -> None:
        try:
            self._fs.rm_file(self._path(speaker_id))
        except FileNotFoundError:
            log.info("another replica has removed %s already", speaker_id)

    def _path(self, speaker_id: str) -> str:
        assert _ID.fullmatch(speaker_id), "only ids of ours become paths"
        return f"{self._root}/{speaker_id}.json"


def _unknown(speaker_id: str) -> RequestError:
    return RequestError("speaker.not_found", f"there is no speaker {speaker_id[:64]!r}")
