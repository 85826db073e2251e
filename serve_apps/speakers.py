"""Ray Serve application: enrols speakers, with an embedder or an extractor. What is kept of them is a vector, for a
time; no sound is.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel, JsonValue

from serve_apps.classify import Face, Ingress, Replica, Served, assemble
from serve_apps.classify import describe as describe_served
from serve_apps.embed import add_info, describe, heard
from serve_apps.extract import load as load_voices
from serve_apps.sides import Side
from serve_apps.stages import Pipeline
from sonant.config.load import check
from sonant.config.serve import ModelApp, SpeakersApp
from sonant.edge import face
from sonant.edge.body import FIELD, Form, Uploads
from sonant.edge.door import at_speakers
from sonant.edge.enrolment import Enroller, Voice
from sonant.edge.errors import documented
from sonant.edge.metrics import Metrics
from sonant.edge.shelf import iso
from sonant.edge.speakers import Speaker, SpeakerStore, new_id
from sonant.errors import ConfigError, RequestError
from sonant.runtime.bundle import open_bundle
from sonant.runtime.engine import Engine
from sonant.runtime.info import BundleInfo
from sonant.runtime.vectors import pooled
from sonant.runtime.voices import VoiceEngine

if TYPE_CHECKING:
    from ray.serve import Application

NAME, TTL = "name", "ttl_s"
_LONGEST_NAME = 200


_ENROLLED: dict[str, JsonValue] = {
    "id": f"spk_{0x5EED:032x}",
    "name": "Ada",
    "created": "2025-11-21T03:18:22+00:00",
    "expires": "2025-12-21T03:18:22+00:00",
    "model": "speaker/20251121-031822",
    "recordings": 2,
    "duration_s": 6.4,
}


class EnrolledSpeaker(BaseModel):
    """What is told of an enrolled speaker: never the vector."""

    id: str
    """What /v1/audio/verifications and extractions take as `speaker`. It cannot be guessed: keep it like a password."""
    name: str
    created: str
    expires: str
    """UTC, ISO 8601: from then on the speaker is gone."""
    model: str
    """The bundle whose vectors it can be compared with."""
    recordings: int
    duration_s: float

    model_config = {"use_attribute_docstrings": True, "json_schema_extra": {"example": _ENROLLED}}


class EnrolledSpeakers(BaseModel):
    """Some of the enrolled speakers, in order of their ids."""

    speakers: list[EnrolledSpeaker]
    next: str | None
    """Give it as `after` to get the next ones; null: these are the last."""

    model_config = {
        "use_attribute_docstrings": True,
        "json_schema_extra": {"example": {"speakers": [_ENROLLED], "next": _ENROLLED["id"]}},
    }


def told(speaker: Speaker) -> EnrolledSpeaker:
    """An enrolment as the routes show it."""
    plain = speaker.model_dump(include={"id", "name", "model", "recordings", "duration_s"})
    return EnrolledSpeaker(**plain, created=iso(speaker.created), expires=iso(speaker.expires))


def create_face(
    app: ModelApp, engine: Engine, pipeline: Pipeline, metrics: Metrics, *, echo_request_id: bool = True
) -> Face:
    """The routes of the application below its prefix, for an embedder: a speaker is the mean of vectors."""

    async def enrol(files: Sequence[bytes]) -> Voice:
        found = await asyncio.gather(*(heard(pipeline, data) for data in files))
        mean_E = pooled([one["embedding"] for one in found])
        return Voice(mean_E, sum(one["duration_s"] for one in found))

    return _create(app, describe(app, engine), engine.info, enrol, metrics, echo_request_id)


def create_voice_face(app: ModelApp, engine: VoiceEngine, metrics: Metrics, *, echo_request_id: bool = True) -> Face:
    """The same for an extractor: a speaker is what its enroll graph makes of the recordings."""
    enroller = Enroller(engine, app.limits)

    async def enrol(files: Sequence[bytes]) -> Voice:
        voice = await enroller.of_recordings(files)
        metrics.heard(voice.duration_s)
        return voice

    return _create(app, describe_served(app, engine), engine.info, enrol, metrics, echo_request_id)


def _create(
    app: ModelApp,
    served: Served,
    info: BundleInfo,
    vector_of: Callable[[Sequence[bytes]], Awaitable[Voice]],
    metrics: Metrics,
    echo_request_id: bool,
) -> Face:
    assert isinstance(app, SpeakersApp)
    api = face.create("speakers", echo_request_id=echo_request_id)
    uploads, store = Uploads(app.limits), SpeakerStore(app.speakers)

    @api.post(
        "",
        status_code=201,
        summary="Enrol a speaker",
        responses={201: {"model": EnrolledSpeaker}, **documented(*face.UPLOAD_ERRORS)},
        openapi_extra=face.form({FIELD: app.max_files}, _words(app), required=(FIELD,)),
        tags=["speakers"],
    )
    async def enrol(request: Request) -> Response:
        """Keeps the mean vector of the recordings in the fields `file`, for `ttl_s` seconds. The sound is not kept."""
        with metrics.timed_request(), uploads.one() as upload:
            form = await upload.read_form(request, {FIELD: app.max_files}, (NAME, TTL))
            ttl_s = _ttl(form, app)
            if not form.files[FIELD]:
                raise RequestError("request.invalid", f"the form has no field {FIELD!r}")
            if len(form.texts.get(NAME, "")) > _LONGEST_NAME:
                raise RequestError("request.invalid", f"{NAME} is longer than {_LONGEST_NAME} characters")
            if not await asyncio.to_thread(store.has_room, app.max_speakers):
                hint = "delete some, or wait until they end"
                raise RequestError("server.full", f"{app.max_speakers} speakers are enrolled already", hint=hint)
            found = await vector_of(form.files[FIELD])
            now = store.now()
            speaker = Speaker(
                id=new_id(),
                name=form.texts.get(NAME, ""),
                created=now,
                expires=now + ttl_s,
                model=info.id,
                recordings=len(form.files[FIELD]),
                duration_s=round(found.duration_s, 6),
                vector=tuple(found.voice_E.tolist()),
            )
            await asyncio.to_thread(store.put, speaker)
        return Response(told(speaker).model_dump_json(), status_code=201, media_type="application/json")

    @api.get("", summary="Enrolled speakers", tags=["speakers"])
    async def listed(
        limit: Annotated[int, Query(ge=1, le=1000, description="Most speakers in the answer.")] = 100,
        after: Annotated[str, Query(max_length=64, description="Only ids behind this one.")] = "",
    ) -> EnrolledSpeakers:
        found = await asyncio.to_thread(store.some, limit + 1, after)
        shown = [told(speaker) for speaker in found[:limit]]
        return EnrolledSpeakers(speakers=shown, next=shown[-1].id if len(found) > limit else None)

    add_info(api, served)

    @api.get("/{speaker}", summary="An enrolled speaker", responses=documented("speaker.not_found"), tags=["speakers"])
    async def one(speaker: str) -> EnrolledSpeaker:
        return told(await asyncio.to_thread(store.get, speaker))

    @api.delete(
        "/{speaker}",
        status_code=204,
        summary="End an enrolment",
        responses=documented("speaker.not_found"),
        tags=["speakers"],
    )
    async def delete(speaker: str) -> None:
        """Removes the vector for good."""
        await asyncio.to_thread(store.delete, speaker)

    return Face(api, api, served)


def _words(app: SpeakersApp) -> dict[str, Any]:
    """What an enrolment may say besides its recordings, as OpenAPI has it."""
    lasts = f"Seconds until the enrolment ends; {app.ttl_s:g} if nothing is said."
    return {
        NAME: {"type": "string", "maxLength": _LONGEST_NAME, "description": "For people only.", "examples": ["Ada"]},
        TTL: {"type": "number", "exclusiveMinimum": 0, "maximum": app.max_ttl_s, "description": lasts},
    }


def _ttl(form: Form, app: SpeakersApp) -> float:
    """How long an enrolment is to last."""
    text = form.texts.get(TTL)
    if text is None:
        return app.ttl_s
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= app.max_ttl_s:
        raise RequestError("request.invalid", f"{TTL}={text[:64]!r} is not between 0 and {app.max_ttl_s:g} seconds")
    return value


class SpeakersIngress(Ingress):
    """A replica that enrols with an embedder."""

    app_type = SpeakersApp
    make_face = staticmethod(create_face)
    rule = staticmethod(at_speakers)


class VoicesIngress(Replica):
    """A replica that enrols with an extractor."""

    app_type = SpeakersApp
    rule = staticmethod(at_speakers)

    def __init__(self, args: dict[str, Any]) -> None:
        app: SpeakersApp = check(SpeakersApp, args)
        engine, metrics = load_voices(app)
        super().__init__(app, Side(create_voice_face(app, engine, metrics, echo_request_id=False), metrics))


def build(args: dict[str, Any]) -> Application:
    """The application for the `args` of a serve file."""
    app: SpeakersApp = check(SpeakersApp, args, source="serve_apps.speakers")
    if open_bundle(app.bundle).info.extract is None:
        return assemble(app, SpeakersIngress)
    if app.placement != "fused":
        raise ConfigError("config.invalid", "placement: an extractor enrols in one replica", hint="use fused")
    return assemble(app, VoicesIngress)
