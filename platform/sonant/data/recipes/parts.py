"""Parts of recipes of any kind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cut:
    """A stretch of a clip of a corpus."""

    row: int
    """Row of the corpus."""
    id: str
    """Name of the clip, for people."""
    first: int
    """First sample in the clip."""
    samples: int


@dataclass(frozen=True)
class Room:
    """Where it sounds; `seed` places the voices in it."""

    seed: int
    rt60_s: float
