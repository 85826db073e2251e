"""What the methods of a client give: the server's answers, typed.

What a newer server tells besides is in `model_extra`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

if TYPE_CHECKING:
    from sonant.audio.samples import Wav

_LONGEST_S = 1e6


class Told(BaseModel):
    """JSON of the server."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)


class Score(Told):
    label: str
    score: float


class Classification(Told):
    """What is heard in a recording."""

    model: str
    label: str
    """The likeliest label."""
    score: float
    """Its probability."""
    scores: list[Score]
    """Likeliest first."""
    duration_s: float


class Feeling(Told):
    """A stretch of a recording, and how the voice sounds in it."""

    t_start: float
    t_end: float
    emotion: str
    probabilities: dict[str, float]


class Emotions(Told):
    """How a voice sounds."""

    emotion: str
    probabilities: dict[str, float]
    timeline: list[Feeling] | None = None
    """When it was asked for."""


class Segment(Told):
    """A stretch of a recording in which a label is heard."""

    t_start: float
    t_end: float
    label: str
    score: float


class Detections(Told):
    """What is heard when, in order of time; seconds."""

    model: str
    operating_point: str
    segments: list[Segment]
    duration_s: float


class Embedding(Told):
    """The vector of a recording, of length 1."""

    model: str
    embedding: list[float]
    duration_s: float


class Verification(Told):
    """Whether two recordings are of the same speaker (or sound)."""

    model: str
    score: float
    """Cosine of the two vectors."""
    threshold: float
    operating_point: str
    same: bool
    duration_s: float


class Speaker(Told):
    """An enrolled speaker."""

    id: str
    """What `verify` and `extract` take as `speaker`: keep it like a password."""
    name: str
    created: AwareDatetime
    expires: AwareDatetime
    """From then on the speaker is gone."""
    model: str
    recordings: int
    duration_s: float


class Speakers(Told):
    """Some of the enrolled speakers."""

    speakers: list[Speaker]
    next: str | None


class Phrase(Told):
    """A stretch of speech."""

    start: float
    end: float
    text: str


class Word(Told):
    word: str
    start: float
    end: float


class Transcript(Told):
    """What is said in a recording."""

    text: str
    language: str | None
    """ISO 639-1, if it is known."""
    duration: float
    """Seconds."""
    segments: list[Phrase] = []
    words: list[Word] = []
    """When they were asked for."""


class Model(Told):
    """A model, as one application serves it."""

    application: str
    route: str
    """Where the application is."""
    model: str
    """Name and version."""
    task: str
    answer: str
    """What the application answers with."""
    created: AwareDatetime
    live: bool = False
    """Whether it takes live sessions."""
    labels: list[str] = []


class Models(Told):
    """All that is served."""

    models: list[Model]


@dataclass(frozen=True)
class Sound:
    """An answer that is sound: a file, and what is known of it. None: the server does not tell."""

    data: bytes
    """The file."""
    media: str
    """Its type: audio/wav, audio/flac or audio/ogg."""
    model: str | None = None
    sample_rate_hz: int | None = None
    duration_s: float | None = None
    input_dbfs: float | None = None
    """RMS level of what was sent; 0 is full scale."""
    output_dbfs: float | None = None
    presence: float | None = None
    """Mean probability that the wanted voice is there."""
    result: str | None = None
    """Id of the answer, if it is kept: `Client.result` and `forget` take it."""
    result_expires: str | None = None
    """When that ends (ISO 8601)."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the file."""
        with open(path, "wb") as file:
            file.write(self.data)

    def samples(self) -> Wav:
        """The samples wav_N at `sample_rate_hz`, as floats up to 1."""
        from sonant.audio.decode import decode

        assert self.sample_rate_hz is not None, "answers of our servers tell it"
        return decode(self.data, rate_hz=self.sample_rate_hz, max_s=_LONGEST_S, max_bytes=len(self.data))

    def facts(self) -> dict[str, Any]:
        """What is known of it."""
        told = {name: value for name, value in asdict(self).items() if name not in ("data", "media")}
        return {name: value for name, value in told.items() if value is not None}


FACTS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "model": ("X-Sonant-Model", str),
    "sample_rate_hz": ("X-Sonant-Sample-Rate", int),
    "duration_s": ("X-Sonant-Duration", float),
    "input_dbfs": ("X-Sonant-Input-Dbfs", float),
    "output_dbfs": ("X-Sonant-Output-Dbfs", float),
    "presence": ("X-Sonant-Presence", float),
    "result": ("X-Sonant-Result", str),
    "result_expires": ("X-Sonant-Result-Expires", str),
}
"""What is told of sound, and in which header."""


class Tried(Told):
    """A candidate, and its share of what comes in."""

    model: str
    share: float


class Heard(Tried):
    """A candidate that hears what an application answers, and how it compares; docs/serving.md has the measures."""

    compared: int
    failed: int
    dropped: int
    skipped: int
    measures: dict[str, dict[str, float]]
    """count, mean, p5, p50, p95 by name."""
    ready: bool
    """Whether the rule for promotion holds."""
    lacks: list[str]


class Rollout(Told):
    """An application with candidates: one that answers a share, one that only hears it."""

    application: str
    route: str
    model: str
    canary: Tried | None
    shadow: Heard | None


class Rollouts(Told):
    """All candidates on trial."""

    rollouts: list[Rollout]
