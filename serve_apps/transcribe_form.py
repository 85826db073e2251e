"""What a request for a transcript may say besides the recording: checked, and as OpenAPI documents it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self, cast

from pydantic import BaseModel, Field, ValidationError, model_validator

from sonant.config.transcribe import EnhanceMode
from sonant.edge.body import FIELD
from sonant.errors import RequestError
from sonant.runtime.transcribe.formats import Format, Granularity
from sonant.runtime.transcribe.heard import Ask


class Asked(BaseModel):
    """The options of a request. Fields of OpenAI's API that are not here are taken and have no effect."""

    model: str | None = None
    """Name of the served model, or one of its aliases; the answer is the same without."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None
    """ISO 639-1 code of what is spoken; without it the engine guesses."""
    prompt: str | None = None
    """Names and words that may occur."""
    response_format: Format = "json"
    """How the transcript is written."""
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    """Of sampling; 0 is OpenAI's way to say "as the engine likes"."""
    stream: bool = False
    """Server-sent events while it is written; with json or text."""
    enhance: EnhanceMode | None = None
    """Whether sound is cleaned first: our own field (`extra_body` of OpenAI's client)."""
    granularities: tuple[Granularity, ...] = ("segment",)
    """What has times in verbose_json; the form's field is `timestamp_granularities[]`."""

    model_config = {"use_attribute_docstrings": True, "extra": "forbid", "frozen": True}

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.stream and self.response_format not in ("json", "text"):
            raise ValueError(f"stream=true goes with response_format json or text, not {self.response_format}")
        if "word" in self.granularities and self.response_format != "verbose_json":
            raise ValueError("timestamp_granularities[] goes with response_format verbose_json")
        return self

    def ask(self) -> Ask:
        """What the engine is told."""
        return Ask(
            language=self.language,
            prompt=self.prompt or None,
            temperature=self.temperature or None,
            words="word" in self.granularities,
            enhance=self.enhance,
        )


_LIST = "timestamp_granularities[]"
TEXTS = tuple(name for name in Asked.model_fields if name != "granularities")
"""Fields of the form that are words."""
LISTS = {_LIST: 4, "timestamp_granularities": 4}
"""Fields that may come several times."""


def read_asked(texts: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> Asked:
    """The options, from words as they came; empty ones count as left out."""
    given: dict[str, Any] = {name: text for name, text in texts.items() if name in TEXTS and text != ""}
    if granularities := [word for name in LISTS for word in lists.get(name, ())]:
        given["granularities"] = granularities
    try:
        return Asked.model_validate(given)
    except ValidationError as error:
        raise RequestError("request.invalid", "; ".join(_told(cast(Any, fault)) for fault in error.errors())) from None


def _told(fault: Mapping[str, Any]) -> str:
    where = str(fault["loc"][0]) if fault["loc"] else ""
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f"{_LIST if where == 'granularities' else where}: {message}" if where else message


def _schemas() -> dict[str, Any]:
    document = Asked.model_json_schema()
    fields = dict(document["properties"])
    fields[_LIST] = fields.pop("granularities")
    return fields


_FIELDS = _schemas()
QUERY: list[dict[str, Any]] = [
    {"name": name, "in": "query", "schema": {key: value for key, value in schema.items() if key != "description"},
     "description": schema.get("description", ""), "required": False}
    for name, schema in _FIELDS.items()
    if name != _LIST
]  # fmt: skip
"""OpenAPI of the options of a raw body."""
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "wav, flac, mp3, ogg, webm or m4a: told by its bytes, not by its name.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {FIELD: {"type": "string", "format": "binary"}, **_FIELDS},
                    "required": [FIELD],
                }
            },
            "audio/*": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
"""OpenAPI of the form."""
