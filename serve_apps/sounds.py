"""Answers that are sound: in the format that a client accepts, with what is known of it in headers or beside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from fastapi import Response
from pydantic import BaseModel

from sonant.audio.encode import FileFormat, encode
from sonant.errors import RequestError
from sonant.runtime.info import BundleInfo
from sonant.runtime.level import level_dbfs
from sonant.runtime.scores import Floats, sigmoid

JSON = "application/json"
FORMATS: dict[str, FileFormat] = {"audio/wav": "wav", "audio/flac": "flac", "audio/ogg": "ogg"}
"""Media types that sound is sent as; the first where the client takes anything."""
_KNOWN = {
    **{kind: kind for kind in (*FORMATS, JSON)},
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "application/ogg": "audio/ogg",
}
_PRESENCE_S = 0.1
"""Least time of a value of presence over time."""


class Encoded(BaseModel):
    """A file."""

    format: Literal["wav"]
    base64: str


class SoundAnswer(BaseModel):
    """What was heard in a recording, as long as it is and aligned with it sample by sample."""

    model: str
    sample_rate_hz: int
    """Of the answer, whatever the recording has."""
    duration_s: float
    input_dbfs: float
    """RMS level of the recording: 0 is full scale, -120 is nothing at all."""
    output_dbfs: float
    """RMS level of the answer."""
    presence: float | None
    """Mean probability that the wanted voice is there; null: the network does not tell."""
    presence_step_s: float | None
    """Time that each of the next values stands for."""
    presence_over_time: list[float] | None
    """Mean probabilities from the beginning on."""
    audio: Encoded

    model_config = {
        "use_attribute_docstrings": True,
        "json_schema_extra": {
            "example": {
                "model": "causal/20251121-031822",
                "sample_rate_hz": 16_000,
                "duration_s": 0.25,
                "input_dbfs": -21.4,
                "output_dbfs": -26.0,
                "presence": 0.93,
                "presence_step_s": 0.1,
                "presence_over_time": [0.88, 0.95, 0.97],
                "audio": {"format": "wav", "base64": "UklGRmQfAABXQVZF..."},
            }
        },
    }


@dataclass(frozen=True)
class Answered:
    """Sound that answers a recording, and what is known of it."""

    info: BundleInfo
    wav_N: Floats
    input_dbfs: float
    presence_F: Floats | None
    """Probabilities, one a hop."""

    @classmethod
    def of(cls, info: BundleInfo, mix_N: Floats, wav_N: Floats, logit_F: Floats | None) -> Answered:
        """Levels and probabilities of what a network made of a recording."""
        return cls(info, wav_N, level_dbfs(mix_N), None if logit_F is None else sigmoid(logit_F))

    @property
    def duration_s(self) -> float:
        """Seconds of sound."""
        return len(self.wav_N) / self.info.sample_rate_hz

    def facts(self) -> dict[str, Any]:
        """What is told in headers, and in JSON too."""
        return {
            "model": self.info.id,
            "sample_rate_hz": self.info.sample_rate_hz,
            "duration_s": round(self.duration_s, 6),
            "input_dbfs": self.input_dbfs,
            "output_dbfs": level_dbfs(self.wav_N),
            "presence": None if self.presence_F is None else round(float(self.presence_F.mean()), 6),
        }

    def response(self, media: str) -> Response:
        """The HTTP answer of that media type. Takes time: not in event loops."""
        rate_hz = self.info.sample_rate_hz
        if media != JSON:
            return Response(
                encode(self.wav_N, rate_hz, FORMATS[media]), media_type=media, headers=_headers(self.facts())
            )
        step_s, values = self._over_time()
        audio = base64.b64encode(encode(self.wav_N, rate_hz, "wav")).decode("ascii")
        told = SoundAnswer(
            **self.facts(),
            presence_step_s=step_s,
            presence_over_time=values,
            audio=Encoded(format="wav", base64=audio),
        )
        return Response(told.model_dump_json(), media_type=JSON)

    def _over_time(self) -> tuple[float | None, list[float] | None]:
        if self.presence_F is None or self.info.hop is None:
            return None, None
        hop_s = self.info.hop / self.info.sample_rate_hz
        hops = max(1, round(_PRESENCE_S / hop_s))
        starts = np.arange(0, len(self.presence_F), hops)
        counts = np.diff(np.append(starts, len(self.presence_F)))
        means = np.add.reduceat(self.presence_F.astype(np.float64), starts) / counts
        return round(hops * hop_s, 6), [round(float(mean), 4) for mean in means]


HEADERS: Mapping[str, tuple[str, str, str]] = {
    "model": ("X-Sonant-Model", "string", "Name and version of the model."),
    "sample_rate_hz": ("X-Sonant-Sample-Rate", "integer", "Rate of the answer in Hz."),
    "duration_s": ("X-Sonant-Duration", "number", "Seconds of sound."),
    "input_dbfs": ("X-Sonant-Input-Dbfs", "number", "RMS level of the recording; 0 is full scale."),
    "output_dbfs": ("X-Sonant-Output-Dbfs", "number", "RMS level of the answer."),
    "presence": ("X-Sonant-Presence", "number", "Mean probability that the wanted voice is there, if it is told."),
}
"""Header, type and meaning of each fact."""


def _headers(facts: Mapping[str, Any]) -> dict[str, str]:
    return {HEADERS[name][0]: str(value) for name, value in facts.items() if value is not None}


def documented() -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` of a route whose answer is sound."""
    files: dict[str, Any] = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in FORMATS}
    headers = {name: {"description": about, "schema": {"type": kind}} for name, kind, about in HEADERS.values()}
    about = "The sound, or with `Accept: application/json` an object that holds it."
    return {200: {"model": SoundAnswer, "description": about, "content": files, "headers": headers}}


def accepted(header: str) -> str:
    """The media type that an Accept header likes best of those that there are; of equals, the first (RFC 9110)."""
    best, most = "", 0.0
    for part in (header or "*/*").split(","):
        kind, quality = _range(part)
        if quality > most and (found := _match(kind)):
            best, most = found, quality
    if not best:
        raise RequestError("request.not_acceptable", f"nothing is sent as {header[:100]!r}")
    return best


def _range(part: str) -> tuple[str, float]:
    """A part of an Accept header: a media type, and how much it is liked."""
    kind, *parameters = (word.strip().lower() for word in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, min(1.0, max(0.0, float(value)))
            except ValueError:
                return kind, 0.0
    return kind, 1.0


def _match(kind: str) -> str | None:
    if kind in ("*/*", "audio/*"):
        return next(iter(FORMATS))
    return JSON if kind == "application/*" else _KNOWN.get(kind)
