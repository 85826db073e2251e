"""How noisy speech is made of clean speech and noise: for training on the fly and for fixed sets alike."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.base import Section

_Share = Annotated[float, Field(ge=0, le=1)]
_Db = Annotated[float, Field(ge=-120, le=120)]


class Noising(Section):
    """What an item is drawn from. Every draw depends on (seed, side, epoch, number of the item) alone."""

    noise_corpus: str | None = None
    """A prepared corpus to take noise from, at the same rate, whose splits are kept apart; without one, coloured noise
    is made."""
    noise_seed: Annotated[int, Field(ge=0)] = 0
    """Deals kinds of noise (labels) to training, validation and test, where the corpus of noise has no split of its
    own. It is not the seed of a run: tables and runs that are compared have the same one."""
    excluded_noises: tuple[str, ...] = ()
    """Labels of the noise corpus that are not used."""
    item_s: Annotated[float, Field(gt=0, le=3600)] = 4.0
    """Length of an item."""
    whole: bool = False
    """Recordings are not cut: an item ends with the one that fills `item_s`, which is then its least length."""
    min_s: Annotated[float, Field(gt=0)] = 0.3
    """Shortest stretch of speech; recordings that are shorter are not used."""
    gap_s: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]] = (0.1, 0.6)
    """Range of the pause between two recordings of one speaker, which follow one another until an item is full."""
    snr_db: tuple[_Db, _Db] = (-5.0, 20.0)
    """Range of the ratio of speech to noise, each over the samples in which there is speech."""
    snr_levels_db: tuple[_Db, ...] = ()
    """Ratios in place of the range: so many items after one another are the same speech and noise, once at each."""
    noises: tuple[Annotated[int, Field(ge=1, le=4)], Annotated[int, Field(ge=1, le=4)]] = (1, 2)
    """Fewest and most noises that sound at once."""
    noise_db: tuple[_Db, _Db] = (-10.0, 0.0)
    """Range of the level of a second noise, and of further ones, against the first; the ratio holds for all at once."""
    noise_only_p: _Share = 0.05
    """Share of the items without speech: the target is silence."""
    clean_only_p: _Share = 0.05
    """Share of the items without noise, room and faults of a line: nothing is to be changed."""
    level_dbfs: tuple[_Db, _Db] = (-38.0, -16.0)
    """Range of the level (RMS) of the speech while it speaks; items without speech are as loud as if there were some.
    Items that would clip are turned down."""
    room_p: _Share = 0.0
    """Share of the items whose speech sounds in a simulated room."""
    room_rt60_s: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.1, 0.6)
    """Range of the reverberation time."""
    early_ms: Annotated[float, Field(ge=0)] = 50.0
    """The target keeps the room's reflections up to so long after the direct sound."""
    band_limit_p: _Share = 0.0
    """Share of the items of a narrow line: both noisy speech and target lose what is above."""
    band_limit_hz: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (3400.0, 7000.0)
    """Range of where that begins."""
    clip_p: _Share = 0.0
    """Share of the items whose noisy side is overdriven."""
    clip_db: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (1.0, 10.0)
    """Range of how far its peaks are cut."""
    codec_p: _Share = 0.0
    """Share of the items whose noisy side goes through a lossy codec, in step with the target."""
    codecs: Annotated[tuple[Literal["mulaw", "g722", "mp3"], ...], Field(min_length=1)] = ("mulaw", "g722", "mp3")
    """Which of these: mu-law companding of 8 bits, G.722 at 64 kbit/s, MP3 at 24 kbit/s."""
    trim_db: Annotated[float, Field(gt=0)] | None = 30.0
    """Cuts what is softer than a recording's loudest moment by more than this off both its ends; null: nothing."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name in ("gap_s", "snr_db", "noises", "noise_db", "level_dbfs", "room_rt60_s", "band_limit_hz", "clip_db"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}=[{low:g}, {high:g}] must rise")
        if self.item_s < self.min_s:
            raise ValueError(f"item_s={self.item_s:g} must not be under min_s={self.min_s:g}")
        if self.noise_only_p + self.clean_only_p > 1:
            raise ValueError("noise_only_p and clean_only_p are shares of one whole")
        return self


class Noisy(Noising):
    """The noisy speech of a run: drawn from the corpus on the fly, other in each epoch; validation and test have the
    same items every time."""

    items: Annotated[int, Field(ge=1)] = 4000
    """Items of an epoch."""
    validation_items: Annotated[int, Field(ge=1)] = 200
    """Items that tell which checkpoint is best."""
    test_items: Annotated[int, Field(ge=1)] = 400
    """Items of test speakers and test noises, where there are any."""
