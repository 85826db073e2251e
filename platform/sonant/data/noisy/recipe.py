"""One item of noisy speech as data: who speaks when, over which noise, where, and through what line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from sonant.data.recipes.parts import Cut, Room


@dataclass(frozen=True)
class Stretch:
    """Samples of an item."""

    first: int
    end: int
    """The sample after the last one."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a recording of speech."""

    cut: Cut
    begin: int
    """Sample of the item at which it begins."""
    speech: tuple[Stretch, ...]
    """Where in the item somebody speaks in it."""


@dataclass(frozen=True)
class Noise:
    """What sounds from the beginning to the end of an item."""

    cut: Cut | None
    """Of the noise corpus; one that is too short goes round. None: noise is made from `seed` and `slope`."""
    seed: int
    slope: float
    """How fast power falls with frequency, as in `data.colour`."""
    level_db: float
    """Against the first noise: RMS of each over the whole item."""


@dataclass(frozen=True)
class Recipe:
    """An item. Without pieces it is noise alone, without noises clean speech."""

    id: str
    split: str
    speaker: str
    """Who speaks; empty: nobody."""
    pieces: tuple[Piece, ...]
    noises: tuple[Noise, ...]
    samples: int
    """Length of the item."""
    snr_db: float
    """Power of the speech over that of all noises together, in the stretches in which somebody speaks; inf: without
    noise, -inf: without speech."""
    level_dbfs: float
    """Of the speech in those stretches, unless the item would clip; without speech, of the noise."""
    room: Room | None = None
    early_ms: float = 0.0
    """The target keeps the room's reflections up to so long after the direct sound."""
    band_hz: float | None = None
    """Both sides lose what is above; None: nothing."""
    clip_db: float | None = None
    """How far the peaks of the noisy side are cut; None: not at all."""
    codec: str | None = None
    """What the noisy side goes through at last; None: nothing."""

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows of the corpus that it takes speech from."""
        return tuple(piece.cut.row for piece in self.pieces)


_PLAIN = TypeAdapter(Recipe)


def to_row(recipe: Recipe) -> dict[str, Any]:
    """As plain data, for a table or for JSON."""
    return asdict(recipe)


def from_row(row: Mapping[str, Any]) -> Recipe:
    """The recipe of `to_row`; pydantic's ValidationError for anything else."""
    return _PLAIN.validate_python(row)
