"""Answers that are sound: in the format that a client accepts, with what is known of it in headers or beside it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import numpy as np
from fastapi import Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from serve_apps.spool import Spool
from sonant.audio.encode import FileFormat
from sonant.edge.results import Kept
from sonant.edge.shelf import iso
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
_AT_ONCE = 1 << 18
"""Bytes of an answer that are sent in one piece."""
_PRESENCE_S = 0.1
"""Least time of a value of presence over time."""


_EXAMPLE: dict[str, Any] = {
    "model": "causal/20251121-031822",
    "sample_rate_hz": 16_000,
    "duration_s": 0.25,
    "input_dbfs": -21.4,
    "output_dbfs": -26.0,
    "presence": 0.93,
    "presence_step_s": 0.1,
    "presence_over_time": [0.88, 0.95, 0.97],
}


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
    result: str | None = None
    """Id of the answer, if it is kept: GET and DELETE it below the route. Whoever knows the id has the sound."""
    result_expires: str | None = None
    """When it is gone (ISO 8601)."""
    audio: Encoded

    model_config = {
        "use_attribute_docstrings": True,
        "json_schema_extra": {
            "example": {**_EXAMPLE, "audio": {"format": "wav", "base64": "UklGRmQfAABXQVZF..."}},
        },
    }


@dataclass(frozen=True)
class Answered:
    """Sound that answers a recording, and what is known of it."""

    info: BundleInfo
    spool: Spool
    """Finished."""
    input_dbfs: float
    presence_F: Floats | None = None
    """Probabilities, one a hop."""
    kept: Kept | None = None
    """Where it can be had again."""

    @classmethod
    def of(cls, info: BundleInfo, media: str, mix_N: Floats, wav_N: Floats, logit_F: Floats | None) -> Answered:
        """Levels and probabilities of what a network made of a recording, for an answer of that media type."""
        with spooled(info, media) as spool:
            spool.write(wav_N)
        return cls(info, spool, level_dbfs(mix_N), None if logit_F is None else sigmoid(logit_F))

    @property
    def duration_s(self) -> float:
        """Seconds of sound."""
        return self.spool.gauge.samples / self.info.sample_rate_hz

    def facts(self) -> dict[str, Any]:
        """What is told in headers, and in JSON too."""
        return {
            "model": self.info.id,
            "sample_rate_hz": self.info.sample_rate_hz,
            "duration_s": round(self.duration_s, 6),
            "input_dbfs": self.input_dbfs,
            "output_dbfs": self.spool.gauge.dbfs,
            "presence": None if self.presence_F is None else round(float(self.presence_F.mean()), 6),
            "result": None if self.kept is None else self.kept.id,
            "result_expires": None if self.kept is None else iso(self.kept.expires),
        }

    def response(self, media: str) -> Response:
        """The HTTP answer of that media type, which closes the spool. Takes time: not in event loops."""
        if media != JSON:
            return _sent(self.spool, self.spool.pieces(), self.spool.size, media, _headers(self.facts()))
        step_s, values = self._over_time()
        told = SoundAnswer(
            **self.facts(),
            presence_step_s=step_s,
            presence_over_time=values,
            audio=Encoded(format="wav", base64=""),
        )
        before, _, after = told.model_dump_json().rpartition('""')
        head, tail = f'{before}"'.encode(), f'"{after}'.encode()
        size = len(head) + 4 * -(-self.spool.size // 3) + len(tail)
        return _sent(self.spool, chain([head], self.spool.base64(), [tail]), size, JSON, {})

    def _over_time(self) -> tuple[float | None, list[float] | None]:
        if self.presence_F is None or self.info.hop is None:
            return None, None
        hop_s = self.info.hop / self.info.sample_rate_hz
        hops = max(1, round(_PRESENCE_S / hop_s))
        starts = np.arange(0, len(self.presence_F), hops)
        counts = np.diff(np.append(starts, len(self.presence_F)))
        means = np.add.reduceat(self.presence_F.astype(np.float64), starts) / counts
        return round(hops * hop_s, 6), [round(float(mean), 4) for mean in means]


@contextmanager
def spooled(info: BundleInfo, media: str) -> Generator[Spool]:
    """A file for an answer of that media type: finished when the block ends, forgotten when it fails."""
    spool = Spool(info.sample_rate_hz, FORMATS.get(media, "wav"))
    try:
        yield spool
        spool.finish()
    except BaseException:
        spool.close()
        raise


def _sent(spool: Spool, pieces: Iterable[bytes], size: int, media: str, headers: dict[str, str]) -> Response:
    """At once where it is small; else piece by piece, as the client reads."""
    if size <= _AT_ONCE:
        with closing(spool):
            return Response(b"".join(pieces), media_type=media, headers=headers)

    def flow() -> Iterator[bytes]:
        with closing(spool):
            yield from pieces

    return StreamingResponse(flow(), media_type=media, headers={**headers, "Content-Length": str(size)})


HEADERS: Mapping[str, tuple[str, str, str]] = {
    "model": ("X-Sonant-Model", "string", "Name and version of the model."),
    "sample_rate_hz": ("X-Sonant-Sample-Rate", "integer", "Rate of the answer in Hz."),
    "duration_s": ("X-Sonant-Duration", "number", "Seconds of sound."),
    "input_dbfs": ("X-Sonant-Input-Dbfs", "number", "RMS level of the recording; 0 is full scale."),
    "output_dbfs": ("X-Sonant-Output-Dbfs", "number", "RMS level of the answer."),
    "presence": ("X-Sonant-Presence", "number", "Mean probability that the wanted voice is there, if it is told."),
    "result": ("X-Sonant-Result", "string", "Id of the answer, where it is kept."),
    "result_expires": ("X-Sonant-Result-Expires", "string", "When it is gone (ISO 8601)."),
}
"""Header, type and meaning of each fact."""


def _headers(facts: Mapping[str, Any]) -> dict[str, str]:
    return {HEADERS[name][0]: str(value) for name, value in facts.items() if value is not None}


def documented() -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` of a route whose answer is sound."""
    files: dict[str, Any] = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in FORMATS}
    about = "The sound, or with `Accept: application/json` an object that holds it."
    return {200: {"model": SoundAnswer, "description": about, "content": files, "headers": documented_headers()}}


def documented_headers() -> dict[str, Any]:
    """OpenAPI of the headers that come with sound."""
    shown = {
        **_EXAMPLE,
        "result": "snd_0000000000000000000000000005eed0",
        "result_expires": "2025-11-21T04:18:22+00:00",
    }
    return {
        name: {"description": about, "schema": {"type": kind}, "example": shown[fact]}
        for fact, (name, kind, about) in HEADERS.items()
    }


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
