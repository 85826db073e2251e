"""What a run trains and is judged on: a prepared corpus, how it is split, and how clips are varied."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.base import Section
from sonant.config.mix import Mixtures
from sonant.config.noisy import Noisy


class Split(Section):
    """Which clips are training, validation and test material."""

    kind: Literal["manifest", "leave_out", "random_speakers"] = "manifest"
    """manifest: the corpus' own `split` column; leave_out: the named speakers are the test set;
    random_speakers: whole speakers are drawn for validation and test."""
    speakers: tuple[str, ...] = ()
    """Test speakers for leave_out."""
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the training material held out for validation when the corpus names none."""
    test: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the speakers held out for test by random_speakers."""
    by: Literal["speaker", "clip"] = "speaker"
    """Validation holds whole speakers out, or single clips (only where every speaker must be trained on)."""
    seed: Annotated[int, Field(ge=0)] | None = None
    """Seed of what is drawn here and, in a run, of the sounds of validation and test that are mixed; null: that of the
    run. Runs with several seeds that are compared have one seed here."""


class Augment(Section):
    """Random variation of training clips; every draw depends on (seed, epoch, clip) alone."""

    shift_ms: Annotated[float, Field(ge=0)] = 100.0
    """Largest shift in time, either way."""
    gain_db: Annotated[float, Field(ge=0)] = 10.0
    """Largest change of level, either way."""
    speed: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    """Largest relative change of speed, either way; pitch and formants change with it."""
    tempo: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Largest relative change of tempo, either way, at the same pitch: features are stretched along time."""
    tilt: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Largest slope of a random first-order filter, either way: microphones colour what they hear."""
    noise_p: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Share of the clips that get noise."""
    noise_snr_db: tuple[float, float] = (0.0, 40.0)
    """Range of the signal-to-noise ratio."""
    noise_corpus: str | None = None
    """A prepared corpus to take noise from; without one, coloured noise is made."""
    floor_dbfs: tuple[float, float] = (-95.0, -50.0)
    """Range of the level of the faint noise that every clip gets, so that digital silence is never learned."""
    room_p: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Share of the clips that are put into a simulated room."""
    room_rt60_s: tuple[float, float] = (0.1, 0.6)
    """Range of the reverberation time."""
    context_p: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the clips that move to the end of the window, behind the end of another clip (for live detectors)."""
    freq_masks: Annotated[int, Field(ge=0)] = 1
    """SpecAugment: number of masked bands."""
    freq_mask_max: Annotated[float, Field(ge=0, le=1)] = 0.15
    """SpecAugment: widest masked band, as a share of the bins."""
    time_masks: Annotated[int, Field(ge=0)] = 1
    """SpecAugment: number of masked stretches."""
    time_mask_max: Annotated[float, Field(ge=0, le=1)] = 0.15
    """SpecAugment: longest masked stretch, as a share of the clip."""
    mixup_p: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the batches whose clips are mixed in pairs."""
    mixup_alpha: Annotated[float, Field(gt=0)] = 0.2
    """Beta distribution of the mixing weight."""


class Pieces(Section):
    """Training windows laid out anew from pieces of recordings and pauses; for detection."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the training windows that are; the others are stretches of recordings as they are."""
    piece_s: tuple[float, float] = (0.4, 4.0)
    """Range of the length of a piece."""
    pause_s: tuple[float, float] = (0.2, 2.5)
    """Range of the pause between two of them."""
    empty: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Share of those windows that hold no piece, only noise: of the noise corpus, or made."""


class DataConfig(Section):
    """The corpus of a run and how batches are made from it."""

    corpus: str
    """Folder or URL written by `sonant prepare`: manifest.parquet and its shards."""
    clip_s: Annotated[float, Field(gt=0)] = 1.0
    """Length of a clip; longer ones are cropped, shorter ones padded (in training with the faint noise below)."""
    batch_size: Annotated[int, Field(ge=1)] = 64
    """Clips a step on each worker."""
    labels: tuple[str, ...] | None = None
    """Labels in order of the outputs; without it, all labels of the corpus, sorted."""
    split: Split = Split()
    augment: Augment | None = Augment()
    """Variation of the training clips; null turns all of it off."""
    pieces: Pieces | None = None
    """Lays some of the training windows of a detector out anew; needs `augment`."""
    mixtures: Mixtures | None = None
    """How voices of the corpus are mixed, for extraction, which needs it. Nothing of `clip_s`, `augment`, `pieces` and
    `repeat` counts then."""
    noisy: Noisy | None = None
    """How noise is put on the speech of the corpus, for enhancement, which needs it. Likewise."""
    repeat: Annotated[int, Field(ge=1)] = 1
    """Times that an epoch goes through the training clips: small corpora need fewer validations that way."""
    prefetch: Annotated[int, Field(ge=0)] = 2
    """Batches made ahead of the training step by a thread."""
