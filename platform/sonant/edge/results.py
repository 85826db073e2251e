"""Answers that are kept because a request asked for it: sound under an id that cannot be guessed, for a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from pydantic import FiniteFloat

from models.base import Section
from sonant.edge import shelf
from sonant.errors import RequestError


class Kept(Section):
    """What is known of one answer that is kept. The id is 128 random bits: who has it, has the sound."""

    schema_version: Literal[1] = 1
    """Version of this description."""
    id: str
    """snd_ and 32 hexadecimal digits."""
    created: FiniteFloat
    """Seconds since 1970."""
    expires: FiniteFloat
    """Likewise: from then on it is gone."""
    model: str
    """Name and version of the bundle that made it."""
    media: str
    """Media type of the file."""
    bytes: int
    """Its size."""


class ResultStore:
    """Answers at a path or URL, at most `most` of them, each for `ttl_s` seconds; `now` gives seconds since 1970.
    Calls read and write files: not in event loops."""

    def __init__(self, url: str, *, ttl_s: float, most: int, now: Callable[[], float] = time.time) -> None:
        self._shelf = shelf.Shelf(url, "snd", ".sound", now=now)
        self._ttl_s, self._most = ttl_s, most

    def check_room(self) -> None:
        """Raises when there are too many already."""
        if not self._shelf.has_room(self._most):
            hint = "delete some, wait until they end, or ask without store=true"
            raise RequestError("server.full", f"{self._most} answers are kept already", hint=hint)

    def put(self, pieces: Iterable[bytes], *, size: int, media: str, model: str) -> Kept:
        """Keeps a file."""
        now = self._shelf.now()
        kept = Kept(
            id=shelf.new_id("snd"), created=now, expires=now + self._ttl_s, model=model, media=media, bytes=size
        )
        self._shelf.put(kept.id, kept.model_dump_json(), pieces)
        return kept

    def get(self, result: str) -> Kept:
        """What is known of an answer that is still kept; RequestError result.not_found otherwise."""
        head = self._shelf.head(result)
        if head is None:
            raise RequestError("result.not_found", f"there is no result {result[:64]!r}")
        return Kept.model_validate(head)

    def pieces(self, result: str) -> Iterator[bytes]:
        """The file, in pieces of bounded size."""
        return self._shelf.body(result)

    def delete(self, result: str) -> None:
        """Ends it; result.not_found where there is none."""
        self._shelf.remove(self.get(result).id)
