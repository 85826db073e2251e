"""One mixture as data: which stretch of which clip sounds when, how loud, over what noise, in what room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from sonant.data.recipes.parts import Cut, Room


@dataclass(frozen=True)
class Voice:
    """A stretch of speech in the mixture."""

    cut: Cut
    speaker: str
    begin: int
    """Sample of the mixture at which it begins."""
    snr_db: float
    """Level of the first voice of the recipe over this one's; 0 for the first itself."""

    @property
    def end(self) -> int:
        """The sample after its last one."""
        return self.begin + self.cut.samples


@dataclass(frozen=True)
class Noise:
    """What sounds from the beginning to the end."""

    cut: Cut | None
    """Of the noise corpus; one that is too short goes round. None: noise is made from `seed` and `slope`."""
    seed: int
    slope: float
    """How fast power falls with frequency, as in `data.colour`."""
    snr_db: float
    """Level of the first voice over the noise's."""


@dataclass(frozen=True)
class Recipe:
    """A mixture. Levels are RMS: of a voice from its begin to its end, of noise over the whole mixture."""

    id: str
    split: str
    speaker: str
    """Who is wanted."""
    present: bool
    """Whether the wanted speaker speaks: the first voice is the target. Otherwise it is somebody else's."""
    voices: tuple[Voice, ...]
    """The first sets the level that the others are measured by."""
    references: tuple[Cut, ...]
    """Other recordings of the wanted speaker; the reference is all of them, one after another."""
    overlap: float
    """Share of each other voice's time in which the first one speaks too."""
    samples: int
    """Length of the mixture."""
    level_dbfs: float
    """Level of the first voice, unless the mixture would clip."""
    reference_dbfs: float
    noise: Noise | None = None
    room: Room | None = None
    reference_room: Room | None = None

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows of the corpus that it takes something from."""
        return (*(voice.cut.row for voice in self.voices), *(cut.row for cut in self.references))

    @property
    def speakers(self) -> frozenset[str]:
        """Everybody who is heard, in the mixture or the reference."""
        return frozenset((self.speaker, *(voice.speaker for voice in self.voices)))


_PLAIN = TypeAdapter(Recipe)


def to_row(recipe: Recipe) -> dict[str, Any]:
    """As plain data, for a table or for JSON."""
    return asdict(recipe)


def from_row(row: Mapping[str, Any]) -> Recipe:
    """The recipe of `to_row`; pydantic's ValidationError for anything else."""
    return _PLAIN.validate_python(row)
