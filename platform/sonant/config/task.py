"""What a run learns to do."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from models.base import Section
from sonant.config.loss import CrossEntropy, Link, LossConfig


class EventRule(Section):
    """How frame scores of a live stream become events."""

    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.7
    """Smoothed probability from which a label counts as heard."""
    smooth_ms: Annotated[float, Field(ge=0)] = 150.0
    """Length of the moving average over probabilities."""
    refractory_ms: Annotated[float, Field(ge=0)] = 700.0
    """Time after an event in which the same label is not reported again."""
    release: Annotated[float, Field(gt=0, lt=1)] = 0.4
    """Smoothed probability under which an event ends."""


class ClassifyTask(Section):
    """One label for each clip."""

    kind: Literal["classify"] = "classify"
    loss: LossConfig = CrossEntropy()
    """What is made small in training: a section, or only its kind."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of the target spread over all labels, whatever the loss."""
    class_weights: bool = False
    """Weighs labels by their rarity in the training set, whatever the loss."""
    background: tuple[str, ...] = ("_silence_", "_unknown_")
    """Labels that stand for "none of the words": never reported as events."""
    events: EventRule = EventRule()

    @property
    def link(self) -> Link:
        """How outputs become scores."""
        return self.loss.link


class Postprocess(Section):
    """How the probabilities of frames become segments with a start and an end, label by label."""

    on: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Smoothed probability from which a label is heard."""
    off: Annotated[float, Field(gt=0, lt=1)] = 0.35
    """Smoothed probability under which it is no longer heard; not above `on`."""
    smooth_ms: Annotated[float, Field(ge=0, le=10_000)] = 60.0
    """Length of the moving average over probabilities."""
    hang_ms: Annotated[float, Field(ge=0, le=10_000)] = 100.0
    """Time that a segment goes on after its last frame: word endings are faint."""
    min_speech_ms: Annotated[float, Field(ge=0, le=60_000)] = 100.0
    """Shorter segments are dropped."""
    min_silence_ms: Annotated[float, Field(ge=0, le=60_000)] = 200.0
    """Shorter gaps do not end a segment; a live segment is reported this long after its end."""
    refractory_ms: Annotated[float, Field(ge=0, le=600_000)] = 0.0
    """Time after a segment in which the same label is not heard again."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.off > self.on:
            raise ValueError(f"off={self.off:g} must not be above on={self.on:g}")
        return self


class _Wordless(Section):
    """A task whose answers are not labels of clips: none stands for "nothing", and none becomes an event."""

    @property
    def background(self) -> tuple[str, ...]:
        """No label stands for "nothing"."""
        return ()

    @property
    def events(self) -> EventRule:
        """Unused."""
        return EventRule()

    @property
    def link(self) -> Link:
        """How outputs become scores, where they do."""
        return Link()


class DetectTask(_Wordless):
    """When is something heard? A probability for each label at each frame; the network needs head.kind=framewise."""

    kind: Literal["detect"] = "detect"
    loss: Literal["bce"] = "bce"
    """Binary cross entropy of each frame and label."""
    positive_weight: Annotated[float, Field(gt=0)] = 1.0
    """Weight of frames in which a label is heard, against 1 for the others."""
    delay_ms: Annotated[float, Field(ge=0, le=2000)] = 40.0
    """How late the answer about a frame may come: so much of what follows is heard first. Rounded to whole frames."""
    window_s: Annotated[float, Field(ge=1, le=600)] = 30.0
    """Longer recordings are judged in windows of this length."""
    context_s: Annotated[float, Field(ge=0, le=60)] = 10.0
    """Overlap of those windows, so that every frame knows its past; less than half of `window_s`."""
    postprocess: Postprocess = Postprocess()
    low_fa_per_hour: Annotated[float, Field(gt=0)] = 0.5
    """The operating point `low_fa` gives at most so many false alarms an hour on the validation set."""

    @property
    def link(self) -> Link:
        """Each label is scored for itself."""
        return Link(kind="sigmoid")

    @model_validator(mode="after")
    def _windows_move_on(self) -> Self:
        if 2 * self.context_s > self.window_s:
            raise ValueError(f"context_s={self.context_s:g} must be at most half of window_s={self.window_s:g}")
        return self


class EmbedTask(_Wordless):
    """Who (or what) is it? Vectors of recordings, to be compared by their cosine: learned by telling the training
    speakers apart, judged on pairs of recordings of others."""

    kind: Literal["embed"] = "embed"
    target: Literal["speaker", "label"] = "speaker"
    """Column of the corpus that two recordings have in common when they count as the same."""
    loss: LossConfig = CrossEntropy()
    """cross_entropy; or aam_softmax, which needs model.head={kind: embedding, cosine: true}."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the target spread over all training speakers."""
    trials: Literal["all", "balanced"] = "all"
    """Pairs of recordings that validation and test judge: all of a split, or as many different as same ones."""
    most_trials: Annotated[int, Field(ge=100)] = 1_000_000
    """Where there are more pairs, so many are drawn; half of them are same ones, if there are that many."""
    low_false_accept: Annotated[float, Field(gt=0, lt=0.5)] = 0.01
    """The operating point `low_false_accept` takes at most this share of different pairs for the same."""

    @model_validator(mode="after")
    def _one_of_all(self) -> Self:
        if self.loss.kind not in ("cross_entropy", "aam_softmax"):
            raise ValueError(f"loss={self.loss.kind} does not fit embeddings: use cross_entropy or aam_softmax")
        return self


class ExtractTask(_Wordless):
    """One wanted voice out of a mixture, told by a reference of it; needs `data.mixtures` and a network of the job."""

    kind: Literal["extract"] = "extract"
    ratio: Literal["si_sdr", "snr"] = "snr"
    """What training makes large where the wanted voice is there: its ratio to all else in the output, at any level of
    it (si_sdr), or at the target's (snr), which outputs need that shall be silent at times."""
    scales: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.1, 0.1)
    """Weights of the second and third output of networks that have three; the first has the rest."""
    speaker_weight: Annotated[float, Field(ge=0)] = 0.5
    """Weight of the cross entropy of who the reference is of; 0: the network has no layer for it."""
    presence_weight: Annotated[float, Field(ge=0)] = 2.0
    """Weight of the cross entropy of whether the wanted voice is there, of networks that tell."""
    absent_weight: Annotated[float, Field(ge=0)] = 0.5
    """Weight of the energy (dB below the mixture) that is left where the wanted voice is absent."""
    absent_floor_db: Annotated[float, Field(lt=0)] = -40.0
    """That energy no longer counts below this."""


class EnhanceTask(_Wordless):
    """The speech in noisy speech; needs `data.noisy` and a network of the job. What training makes small is a sum."""

    kind: Literal["enhance"] = "enhance"
    l1: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the mean absolute difference of samples, relative to the level of the noisy speech."""
    si_sdr: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the negative ratio (dB) of the speech to all else in the output, at any level of it."""
    snr: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the negative ratio (dB) of the speech to its distance to the output: the level counts."""
    ceiling_db: Annotated[float, Field(gt=0, le=100)] = 30.0
    """Both ratios near this and do not exceed it: items of clean speech would outweigh all others without."""
    stft: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the distance of spectra at three resolutions (Yamamoto et al. 2020, arXiv:1910.11480)."""
    compressed: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the distance of complex spectra and of their sizes, each size to the power of `compression`."""
    compression: Annotated[float, Field(gt=0, le=1)] = 0.3
    """That power."""
    absent: Annotated[float, Field(ge=0)] = 0.02
    """Weight of the energy (dB below the noisy side) that is left of items without speech, in place of si_sdr, snr
    and stft."""
    absent_floor_db: Annotated[float, Field(lt=0)] = -40.0
    """That energy no longer counts below this."""

    @model_validator(mode="after")
    def _hears_polarity(self) -> Self:
        if not self.l1 + self.compressed + self.snr:
            told = "si_sdr and stft hear no polarity: what they learn may come out inverted"
            raise ValueError(f"{told}, set l1, snr or compressed")
        return self


def _kind(data: Any) -> str:
    """A section without a kind is a classifier's."""
    return str(data.get("kind", "classify") if isinstance(data, dict) else data.kind)  # pyright: ignore


TaskConfig = Annotated[
    Annotated[ClassifyTask, Tag("classify")]
    | Annotated[DetectTask, Tag("detect")]
    | Annotated[EmbedTask, Tag("embed")]
    | Annotated[ExtractTask, Tag("extract")]
    | Annotated[EnhanceTask, Tag("enhance")],
    Discriminator(_kind),
]
