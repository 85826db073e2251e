"""How mixtures of voices are made, of which one is wanted: for training on the fly and for fixed sets alike."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.base import Section

_Share = Annotated[float, Field(ge=0, le=1)]
_Db = Annotated[float, Field(ge=-120, le=120)]


class Mixing(Section):
    """What a mixture is drawn from. Every draw depends on (seed, epoch, number of the item) alone."""

    mix_s: Annotated[float, Field(gt=0, le=3600)] | None = 4.0
    """Longest mixture; null mixes whole recordings, cut to the shortest of them."""
    min_s: Annotated[float, Field(gt=0)] = 1.0
    """Shortest stretch of a voice; recordings that are shorter are not used."""
    interferers: tuple[Annotated[int, Field(ge=0, le=8)], Annotated[int, Field(ge=0, le=8)]] = (1, 1)
    """Fewest and most other voices, each of another speaker."""
    snr_db: tuple[_Db, _Db] = (-5.0, 5.0)
    """Range of the wanted voice's level over that of each other voice, each measured while it speaks."""
    overlap: tuple[_Share, _Share] = (0.5, 1.0)
    """Range of the share of a voice's time in which the wanted one speaks too; 0: one after another, 1: all at once."""
    absent_p: _Share = 0.1
    """Share of the mixtures in which the wanted speaker is silent: another voice is there, and the target is zero."""
    references: tuple[Annotated[int, Field(ge=1, le=16)], Annotated[int, Field(ge=1, le=16)]] = (1, 1)
    """Fewest and most recordings that make up a reference, one after another; fewer where a speaker has no more."""
    reference_s: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (2.0, 10.0)
    """Range of the length of each of them. Shorter recordings are no references, longer ones are cut."""
    enrolment: Literal["session", "session_if_any", "recording"] = "session_if_any"
    """Where references come from. session: another session (chapter) of the speaker, who needs two of them;
    session_if_any: another session where the speaker has one, another recording otherwise; recording: any other."""
    level_dbfs: tuple[_Db, _Db] = (-35.0, -18.0)
    """Range of the wanted voice's level (RMS) while it speaks; of references too, drawn anew. Mixtures that would clip
    are turned down."""
    noise_p: _Share = 0.0
    """Share of the mixtures that get noise."""
    noise_snr_db: tuple[_Db, _Db] = (0.0, 25.0)
    """Range of the wanted voice's level over that of the noise."""
    noise_corpus: str | None = None
    """A prepared corpus to take noise from, at the same rate; without one, coloured noise is made."""
    room_p: _Share = 0.0
    """Share of the mixtures that sound in a simulated room, in which each voice has its own distance; references are
    put into another room as often. The target is the wanted voice as it sounds in the room."""
    room_rt60_s: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.1, 0.6)
    """Range of the reverberation time."""
    trim_db: Annotated[float, Field(gt=0)] | None = 20.0
    """Cuts what is softer than a recording's loudest moment by more than this off both its ends; null: nothing."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name in ("interferers", "snr_db", "overlap", "references", "reference_s", "level_dbfs", "noise_snr_db",
                     "room_rt60_s"):  # fmt: skip
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}=[{low:g}, {high:g}] must rise")
        if self.mix_s is not None and self.mix_s < self.min_s:
            raise ValueError(f"mix_s={self.mix_s:g} must not be under min_s={self.min_s:g}")
        return self


class Mixtures(Mixing):
    """The mixtures of a run: drawn from the corpus on the fly, other ones in each epoch; validation and test have the
    same ones every time."""

    items: Annotated[int, Field(ge=1)] = 4000
    """Mixtures of an epoch."""
    validation_items: Annotated[int, Field(ge=1)] = 200
    """Mixtures that tell which checkpoint is best."""
    test_items: Annotated[int, Field(ge=1)] = 400
    """Mixtures of test speakers, where there are any."""
