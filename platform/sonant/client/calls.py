"""What a client asks, without the asking: each function is one request and how its answer is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote, urlencode

from pydantic import ValidationError

from sonant.client import answers
from sonant.client.form import Audio, Part, form, recording
from sonant.client.refusal import Reply, refusal
from sonant.errors import RequestError

Answer = TypeVar("Answer")
Model = TypeVar("Model", bound=answers.Told)

Form = Literal["wav", "flac", "ogg"]
"""Formats that sound is answered in."""
Subtitles = Literal["srt", "vtt", "text"]
Field = tuple[str, Audio | None, str | None]
"""Of a form: its name, and a recording or a word."""
FORMS: tuple[Form, ...] = ("wav", "flac", "ogg")


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """One request."""

    method: str
    path: str
    """With its query."""
    read: Callable[[Reply], Answer]
    """The answer, of a reply that is one."""
    fields: Sequence[Field] = ()
    accept: str = "application/json"

    @property
    def what(self) -> str:
        """For messages."""
        return f"{self.method} {self.path.partition('?')[0]}"

    def body(self) -> tuple[str, bytes] | None:
        """Content type and body; reads files."""
        parts: list[Part] = []
        for name, audio, word in self.fields:
            parts.append(recording(name, audio) if audio is not None else (name, None, (word or "").encode()))
        return form(parts) if parts else None

    def answer(self, url: str, reply: Reply) -> Answer:
        """What the reply of the server at `url` says; Refusal where it is no answer."""
        if 200 <= reply.status < 300:
            try:
                return self.read(reply)
            except (ValidationError, ValueError, LookupError):
                pass  # told below: it is none of ours
        raise refusal(f"{url}: {self.what}", reply)


def classify(audio: Audio, *, top_k: int | None = None) -> Call[answers.Classification]:
    """What is heard in a recording."""
    return _about("classifications", answers.Classification, audio, top_k=top_k)


def emotions(audio: Audio, *, timeline: bool = False) -> Call[answers.Emotions]:
    """How a voice sounds."""
    return _about("emotions", answers.Emotions, audio, timeline=timeline or None)


def detect(audio: Audio, *, operating_point: str | None = None) -> Call[answers.Detections]:
    """What is heard when."""
    return _about("detections", answers.Detections, audio, operating_point=operating_point)


def embed(audio: Audio) -> Call[answers.Embedding]:
    """The vector of a recording."""
    return _about("embeddings", answers.Embedding, audio)


def verify(
    audio: Audio, reference: Audio | None = None, *, speaker: str | None = None, operating_point: str | None = None
) -> Call[answers.Verification]:
    """Whether a recording is of the same speaker as another, or as an enrolled one."""
    fields = [("file", audio, None), *_wanted(() if reference is None else (reference,), speaker)]
    path = "/v1/audio/verifications" + _query(operating_point=operating_point)
    return Call("POST", path, _json(answers.Verification), fields)


def extract(
    audio: Audio, references: Sequence[Audio] = (), *, speaker: str | None = None, form: Form = "wav"
) -> Call[answers.Sound]:
    """The voice of the references, or of an enrolled speaker."""
    fields = [("file", audio, None), *_wanted(references, speaker)]
    return Call("POST", "/v1/audio/extractions", _sound, fields, _accepted(form))


def enhance(audio: Audio, *, dry: float = 0.0, store: bool = False, form: Form = "wav") -> Call[answers.Sound]:
    """A recording without its noise."""
    path = "/v1/audio/enhancements" + _query(dry=dry or None, store=store or None)
    return Call("POST", path, _sound, [("file", audio, None)], _accepted(form))


def result(kept: str) -> Call[answers.Sound]:
    """Sound that is kept."""
    return Call("GET", f"/v1/audio/enhancements/{quote(kept, safe='')}", _sound, accept="audio/*")


def forget(kept: str) -> Call[None]:
    """Ends it."""
    return Call("DELETE", f"/v1/audio/enhancements/{quote(kept, safe='')}", _nothing)


def transcribe(
    audio: Audio,
    *,
    language: str | None = None,
    prompt: str | None = None,
    words: bool = False,
    enhance: Literal["off", "auto", "on"] | None = None,
    model: str | None = None,
) -> Call[answers.Transcript]:
    """What is said in a recording."""
    told = {"language": language, "prompt": prompt, "enhance": enhance, "model": model}
    fields: list[Field] = [
        ("file", audio, None),
        ("response_format", None, "verbose_json"),
    ]
    fields += [(name, None, word) for name, word in told.items() if word is not None]
    fields += [("timestamp_granularities[]", None, unit) for unit in ("segment", "word") if words]
    return Call("POST", "/v1/audio/transcriptions", _json(answers.Transcript), fields)


def subtitles(audio: Audio, form: Subtitles = "srt", *, language: str | None = None) -> Call[str]:
    """What is said in a recording, as subtitles or plain text."""
    fields: list[Field] = [("file", audio, None), ("response_format", None, form)]
    fields += [] if language is None else [("language", None, language)]
    return Call("POST", "/v1/audio/transcriptions", lambda reply: reply.data.decode(), fields, "*/*")


def enrol(recordings: Sequence[Audio], *, name: str = "", ttl_s: float | None = None) -> Call[answers.Speaker]:
    """A new speaker."""
    fields: list[Field] = [("file", audio, None) for audio in recordings]
    fields += [("name", None, name)] if name else []
    fields += [] if ttl_s is None else [("ttl_s", None, f"{ttl_s:g}")]
    return Call("POST", "/v1/speakers", _json(answers.Speaker), fields)


def speakers(after: str = "") -> Call[answers.Speakers]:
    """Enrolled speakers behind an id."""
    return Call("GET", "/v1/speakers" + _query(after=after or None), _json(answers.Speakers))


def speaker(speaker_id: str) -> Call[answers.Speaker]:
    """One of them."""
    return Call("GET", f"/v1/speakers/{quote(speaker_id, safe='')}", _json(answers.Speaker))


def delete_speaker(speaker_id: str) -> Call[None]:
    """Ends an enrolment."""
    return Call("DELETE", f"/v1/speakers/{quote(speaker_id, safe='')}", _nothing)


def models() -> Call[list[answers.Model]]:
    """All that is served."""
    read = _json(answers.Models)
    return Call("GET", "/v1/models", lambda reply: read(reply).models)


def rollouts() -> Call[list[answers.Rollout]]:
    """Candidates on trial."""
    read = _json(answers.Rollouts)
    return Call("GET", "/v1/rollouts", lambda reply: read(reply).rollouts)


def _about(route: str, kind: type[Model], audio: Audio, **options: object) -> Call[Model]:
    """A recording alone, and what is asked for in the query."""
    return Call("POST", f"/v1/audio/{route}" + _query(**options), _json(kind), [("file", audio, None)])


def _query(**options: object) -> str:
    """Words as they are, everything else as JSON has it; what is None is left out."""
    given = {name: value for name, value in options.items() if value is not None}
    plain = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
    return f"?{urlencode(plain)}" if plain else ""


def _wanted(references: Sequence[Audio], speaker: str | None) -> list[Field]:
    fields: list[Field] = [("reference", audio, None) for audio in references]
    return fields + ([] if speaker is None else [("speaker", None, speaker)])


def _accepted(form: str) -> str:
    if form not in FORMS:
        raise RequestError("request.not_acceptable", f"{form} is none of {', '.join(FORMS)}", hint="name it voice.wav")
    return f"audio/{form}"


def _json(kind: type[Model]) -> Callable[[Reply], Model]:
    return lambda reply: kind.model_validate_json(reply.data)


def _sound(reply: Reply) -> answers.Sound:
    media = reply.headers.get("content-type", "")
    _accepted(media.removeprefix("audio/"))
    told: dict[str, Any] = {
        fact: kind(reply.headers[name.lower()])
        for fact, (name, kind) in answers.FACTS.items()
        if name.lower() in reply.headers
    }
    return answers.Sound(reply.data, media, **told)


def _nothing(reply: Reply) -> None:
    if reply.status != 204:
        raise ValueError
