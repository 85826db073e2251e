"""What bundle.json says: the schema that export writes and everything that serves reads.

Strict on purpose. A bundle comes from outside the process, so every name is a plain file name, every number is finite
and every list is bounded before anything else of the bundle is looked at.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from models.base import Section
from sonant.config.loss import Link
from sonant.config.task import EventRule, Postprocess
from sonant.runtime.frames import FrameLayout

MAX_TOLERANCE = 1e-2
"""A bundle whose own tolerance is wider than this proves nothing, whatever it records."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
"""Files, bundles, versions and aliases: one path segment that no file system or URL reads as anything else."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Dtype = Literal["float32", "float64", "float16", "int64", "int32", "bool"]
Role = Literal["model", "step", "frontend", "body", "enroll"]

REQUIRED: dict[Role, tuple[str, ...]] = {
    "model": ("model",),
    "step": ("stream", "step", "clip"),
    "frontend": (),
    "body": ("split",),
    "enroll": ("enroll", "padding"),
}
"""The checks that must stand in the parity record of a bundle with these graphs."""


class TensorInfo(Section):
    """An input or output of a graph; a dimension is a number, or the name of a size that may vary."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    """As the graph has it."""
    dtype: Dtype
    """Type of the elements."""
    shape: Annotated[tuple[int | str, ...], Field(max_length=8)]
    """Sizes of the dimensions."""


class StateInfo(Section):
    """One state tensor of a stream, without the row dimension. Its graph names are `in.<name>` and `out.<name>`."""

    name: Annotated[str, Field(min_length=1, max_length=252)]
    """Path of the module that remembers it."""
    shape: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(max_length=8)]
    """Sizes for one stream."""
    dtype: Dtype
    """Type of the elements."""
    fill: FiniteFloat = 0.0
    """Value of every element when a stream begins."""


class GraphInfo(Section):
    """One ONNX file and what goes into and comes out of it."""

    file: Name
    """In the bundle's folder."""
    inputs: Annotated[tuple[TensorInfo, ...], Field(min_length=1, max_length=512)]
    """In the graph's order."""
    outputs: Annotated[tuple[TensorInfo, ...], Field(min_length=1, max_length=512)]
    """In the graph's order."""
    state: Annotated[tuple[StateInfo, ...], Field(max_length=512)] = ()
    """What a stream carries from step to step, in the graph's order."""


class Check(Section):
    """One proof: two ways to compute the same outputs, and the largest difference seen between them."""

    what: Annotated[str, Field(max_length=200)]
    """The two ways, in words."""
    cases: Annotated[int, Field(ge=1)]
    """Inputs compared: batch sizes x lengths x kinds of signal, or ways to cut them into chunks."""
    error: Annotated[FiniteFloat, Field(ge=0)]
    """Largest absolute difference of a logit, relative to the largest logit where that is above 1; of sound and
    voices, relative to their own largest value."""
    tolerance: Annotated[FiniteFloat, Field(gt=0)]
    """Largest error allowed when it was exported."""


class Rate(Section):
    """A measured rate and its 95 % interval."""

    value: FiniteFloat
    """As measured."""
    low: FiniteFloat
    """Lower end of the interval."""
    high: FiniteFloat
    """Upper end of the interval."""


class OperatingPoint(Section):
    """How one label is told from the probabilities of frames, and what that gave on the validation set."""

    postprocess: Postprocess
    miss: Rate
    """Share of the frames with the label that are missed."""
    false_alarm: Rate
    """Share of the frames without it that are taken for it."""
    false_alarms_per_hour: Rate
    """Segments in which the label is not heard at all, by hour of sound."""
    hours: Annotated[FiniteFloat, Field(ge=0)]
    """Sound that this was measured on."""


class DetectInfo(Section):
    """What belongs to a detector of segments."""

    layout: FrameLayout
    points: Annotated[dict[Name, tuple[OperatingPoint, ...]], Field(min_length=1, max_length=32)]
    """Operating points by name, each in order of the labels."""
    default: Name = "balanced"
    """The one that is used when nobody asks for another."""


class VerifyPoint(Section):
    """From which cosine on two recordings count as the same, and what that gave on the validation set."""

    threshold: FiniteFloat
    """The cosine."""
    false_accept: Rate
    """Share of the different pairs that are taken for the same."""
    false_reject: Rate
    """Share of the same pairs that are not."""
    same: Annotated[int, Field(ge=0)]
    """Pairs that this was measured on."""
    different: Annotated[int, Field(ge=0)]
    """Likewise."""


class EmbedInfo(Section):
    """What belongs to an embedder. Its graphs give vectors of length 1, and its labels are nobody's to know."""

    size: Annotated[int, Field(ge=1, le=65_536)]
    """Numbers in a vector."""
    target: Literal["speaker", "label"]
    """What two recordings have in common when they count as the same."""
    points: Annotated[dict[Name, VerifyPoint], Field(min_length=1, max_length=32)]
    """Operating points by name."""
    default: Name = "equal_error"
    """The one that is used when nobody asks for another."""


class SoundInfo(Section):
    """What belongs to a bundle whose answer is sound. It has no labels."""

    grain: Annotated[int, Field(ge=1)] = 1
    """Waves in its graphs are a multiple of so many samples: silence fills them up."""
    tail: Annotated[str, Field(max_length=252)] | None = None
    """State that holds the last `latency` samples of a stream of two hops or more, if it ends here; null: they come
    when silence is stepped behind it."""


class EnhanceInfo(SoundInfo):
    """What belongs to a bundle that takes noise out of speech."""


class ExtractInfo(SoundInfo):
    """What belongs to an extractor of one wanted voice."""

    voice_size: Annotated[int, Field(ge=1, le=65_536)]
    """Numbers in a voice, which the enroll graph makes of references."""
    presence: bool
    """Whether it tells, at each hop, the logit that the wanted voice is there."""


class Provenance(Section):
    """Where a bundle comes from."""

    run: str
    """Folder or URL of the training run."""
    commit: str | None = None
    """Git commit of the code that trained it, when known."""
    config_sha256: Sha256
    """Hash of config.yaml."""
    corpus: str
    """Folder or URL of the corpus."""
    corpus_sha256: str
    """Hash of the corpus' manifest; empty when unknown."""
    versions: dict[str, str]
    """Versions of the libraries that exported it."""


class BundleInfo(Section):
    """A bundle's whole description."""

    schema_version: Literal[1]
    """Version of this description."""
    name: Name
    """What the bundle is called in a store."""
    version: Name
    """UTC time of the export, and the first letters of a hash of the content."""
    created: str
    """UTC time, ISO 8601."""
    task: Literal["classify", "detect", "embed", "extract", "enhance"]
    """The kind of job."""
    labels: Annotated[tuple[str, ...], Field(max_length=100_000)]
    """In the order of the logits; none of what answers with vectors or sound."""
    background: tuple[str, ...]
    """Labels that stand for "none of them": never reported as events."""
    events: EventRule
    """How live scores become events."""
    link: Link = Link()
    """How outputs become scores; bundles made before there was a choice are softmax."""
    sample_rate_hz: Annotated[int, Field(ge=4000, le=192_000)]
    """Rate of the samples that the graphs take."""
    clip_s: Annotated[FiniteFloat, Field(gt=0)]
    """Length of the clips it was trained on."""
    hop: Annotated[int, Field(ge=1)] | None
    """Samples of one live frame; null: it cannot run live."""
    latency: Annotated[int, Field(ge=0)] = 0
    """Samples of algorithmic delay of a live frame."""
    window_ms: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    """Time that a live frame's logits are pooled over."""
    temperature: Annotated[FiniteFloat, Field(gt=0)] = 1.0
    """Logits of clips are divided by this before they become probabilities, fitted so that those can be believed."""
    detect: DetectInfo | None = None
    """Frames and operating points of a detector."""
    embed: EmbedInfo | None = None
    """Size and operating points of an embedder."""
    extract: ExtractInfo | None = None
    """Sizes of an extractor."""
    enhance: EnhanceInfo | None = None
    """Sizes of what takes noise out of speech."""
    graphs: dict[Role, GraphInfo]
    """What each graph is for, and what it takes."""
    metrics: dict[str, FiniteFloat]
    """Of the exported weights, as <split>.<metric>."""
    parity: dict[Name, Check]
    """The proofs, by name; REQUIRED says which must be there."""
    provenance: Provenance
    """Where it comes from."""
    files: Annotated[dict[Name, Sha256], Field(min_length=1, max_length=32)]
    """Hashes of all files but bundle.json and its digest."""

    @model_validator(mode="after")
    def _graphs_agree(self) -> Self:
        roles = set(self.graphs)
        if ("step" in roles) != (self.hop is not None):
            raise ValueError("a bundle has a step graph exactly when it has a hop")
        if ("enroll" in roles) != (self.task == "extract"):
            raise ValueError("an extractor, and nothing else, has an enroll graph")
        if "model" not in roles and not (self.sound is not None and "step" in roles):
            raise ValueError("a bundle has a model graph, unless its answer is sound and it has a step graph")
        if len(roles & {"frontend", "body"}) == 1:
            raise ValueError("a front end and a body come together")
        unlisted = {graph.file for graph in self.graphs.values()} - set(self.files)
        if unlisted:
            raise ValueError(f"graphs without a recorded hash: {', '.join(sorted(unlisted))}")
        return self

    @model_validator(mode="after")
    def _task_agrees(self) -> Self:
        sections = {"detect": self.detect, "embed": self.embed, "extract": self.extract, "enhance": self.enhance}
        odd = [name for name, section in sections.items() if (section is not None) != (self.task == name)]
        if odd:
            raise ValueError(f"a bundle has the section {odd[0]} exactly when that is its task")
        if bool(self.labels) == (self.task in ("embed", "extract", "enhance")):
            raise ValueError("what answers with vectors or sound has no labels, anything else has some")
        if self.detect is not None:
            lengths = {len(point) for point in self.detect.points.values()}
            if self.detect.default not in self.detect.points or lengths != {len(self.labels)}:
                raise ValueError("every operating point tells all labels, and the default one is among them")
        if self.embed is not None and self.embed.default not in self.embed.points:
            raise ValueError("the default operating point is one of those that there are")
        if self.sound is not None and self.sound.tail is not None:
            state = self.graphs["step"].state if "step" in self.graphs else ()
            # What is read as sound must be as long as the delay that it stands for.
            if (self.sound.tail, (self.latency,)) not in {(part.name, part.shape) for part in state}:
                raise ValueError("the tail is a state of the step graph, as long as the latency")
        return self

    @property
    def sound(self) -> SoundInfo | None:
        """Of a bundle whose answer is sound."""
        return self.extract or self.enhance

    @property
    def id(self) -> str:
        """Name and version, as users see them and as a store files them."""
        return f"{self.name}/{self.version}"

    @property
    def hop_ms(self) -> float | None:
        return None if self.hop is None else 1000 * self.hop / self.sample_rate_hz
