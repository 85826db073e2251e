"""Ray Serve application: what is said in a recording, on the route and in the forms of OpenAI's API.

A replica holds one engine and one thread that runs it. Requests take turns at it piece by piece, so that a short
recording does not wait for the end of a long one; more than `max_waiting` of them are refused.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_apps.guard import behind_door, check_exposure
from serve_apps.options import serve_options
from serve_apps.transcribe_desk import Desk, Job
from serve_apps.transcribe_form import LISTS, QUERY, TEXTS, UPLOAD, Asked, read_asked
from sonant.config.load import check
from sonant.config.serve import TranscribeApp
from sonant.edge import errors, face, visit
from sonant.edge.body import FIELD, Upload, Uploads, content_type
from sonant.edge.door import at_recordings
from sonant.edge.metrics import Metrics, Snapshot
from sonant.errors import ModelError, RequestError, SonantError
from sonant.runtime.transcribe import events
from sonant.runtime.transcribe.formats import FORMS, dumps, verbose
from sonant.runtime.transcribe.transcriber import Transcriber, open_transcriber

if TYPE_CHECKING:
    from ray.serve import Application


class ServedTranscriber(BaseModel):
    """An engine as it is served."""

    model: str
    aliases: list[str]
    """Other names that `model` of a request may have."""
    task: Literal["transcribe"] = "transcribe"
    answer: Literal["transcription"] = "transcription"
    languages: list[str]
    """ISO 639-1."""
    detector: str | None
    """Bundle that finds speech; null: by loudness."""
    enhancer: str | None
    """Bundle that can clean sound; null: there is none."""
    max_body_mib: float
    max_audio_s: float
    created: str
    """When this replica loaded it."""

    model_config = {"use_attribute_docstrings": True}


def describe(app: TranscribeApp, transcriber: Transcriber) -> ServedTranscriber:
    recogniser = transcriber.recogniser
    return ServedTranscriber(
        model=recogniser.model,
        aliases=list(app.aliases),
        languages=list(recogniser.languages),
        detector=app.detector,
        enhancer=app.enhancer,
        max_body_mib=app.limits.max_body_mib,
        max_audio_s=app.limits.max_audio_s,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def create_api(
    app: TranscribeApp, transcriber: Transcriber, metrics: Metrics, *, echo_request_id: bool = True
) -> FastAPI:
    """The routes of the application, below its prefix."""
    api = face.create("transcribe", echo_request_id=echo_request_id)
    served = describe(app, transcriber)
    told = served.model_copy(update={"created": "2025-11-21T03:18:22+00:00"})  # documents do not depend on the time
    names = {served.model, *app.aliases}
    uploads = Uploads(app.limits)
    desk = Desk(app, transcriber, metrics)

    @api.post(
        "",
        summary="Write down what is said in a recording",
        response_class=Response,
        responses={200: _ANSWERS, **errors.documented(*face.UPLOAD_ERRORS, "model.unknown")},
        openapi_extra={**UPLOAD, "parameters": QUERY},
        tags=["transcribe"],
    )
    async def transcribe(request: Request) -> Response:
        """The form of OpenAI's API: a recording as the field `file`, and options. A raw body with an audio/* type has
        its options in the query. What the engine does not know (a prompt, a temperature) has no effect."""
        with ExitStack() as held:
            held.enter_context(metrics.timed_request())
            data, asked = await _read(request, held.enter_context(uploads.one()))
            if asked.model is not None and asked.model not in names:
                hint = f"leave `model` out, or give one of {', '.join(sorted(names))}"
                raise ModelError("model.unknown", f"the model {asked.model[:64]!r} is not served here", hint=hint)
            job = held.enter_context(desk.job(data, asked.ask()))
            if asked.stream:
                # The first piece decides whether there is a transcript at all: until then, an error has its own status.
                first = await job.next()
                return Held(_streamed(job, first, errors.request_id(request.scope)), held.pop_all())
            while await job.next() is not None:
                if await request.is_disconnected():
                    visit.here().outcome = "gone"
                    return Response(status_code=499)
            transcript = job.transcript()
        form = FORMS[asked.response_format]
        if asked.response_format == "verbose_json":
            return Response(dumps(verbose(transcript, asked.granularities)), media_type=form.media_type)
        return Response(form.render(transcript), media_type=form.media_type)

    @api.get("/info", summary="The engine that is served here", responses=face.example(told), tags=["transcribe"])
    async def info() -> ServedTranscriber:
        return served

    face.refuse_other_sockets(api)
    return api


async def _read(request: Request, upload: Upload) -> tuple[bytes, Asked]:
    kind, _ = content_type(request.headers.get("content-type", ""))
    query = dict(request.query_params)
    if kind != "multipart/form-data":
        return await upload.read(request), read_asked(query, {})
    form = await upload.read_form(request, {FIELD: 1}, TEXTS, LISTS)
    if not form.files[FIELD]:
        raise RequestError("request.invalid", f"the form has no field {FIELD!r}")
    return form.files[FIELD][0], read_asked({**query, **form.texts}, form.lists)


class Held(StreamingResponse):
    """Server-sent events that hold a place at the desk until they end, whatever ends them."""

    def __init__(self, content: AsyncIterator[str], held: ExitStack) -> None:
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(content, media_type="text/event-stream", headers=headers)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            await super().__call__(scope, receive, send)


async def _streamed(job: Job, piece: list[Any] | None, request_id: str) -> AsyncIterator[str]:
    first = True
    try:
        while piece is not None:
            if piece:
                yield events.delta(piece, first=first)
                first = False
            piece = await job.next()
        yield events.done(job.transcript())
    except SonantError as error:
        visit.here().outcome = error.code
        yield events.failed(error, request_id)


def _timed(word: str) -> dict[str, Any]:
    """JSON schema of what is said from one second to another."""
    second = {"type": "number", "description": "Seconds from the beginning."}
    fields = {word: {"type": "string"}, "start": second, "end": second}
    return {"type": "object", "properties": fields, "required": list(fields)}


_ANSWERS: dict[str, Any] = {
    "description": "The transcript, in the form that `response_format` and `stream` ask for.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "text": {"type": "string"},
                    "language": {"type": ["string", "null"], "description": "verbose_json: ISO 639-1, if it is known."},
                    "duration": {"type": "number", "description": "verbose_json: seconds."},
                    "segments": {"type": "array", "items": _timed("text"), "description": "verbose_json."},
                    "words": {"type": "array", "items": _timed("word"), "description": "With word timestamps."},
                    "usage": {
                        "type": "object",
                        "properties": {"type": {"const": "duration"}, "seconds": {"type": "integer"}},
                        "required": ["type", "seconds"],
                    },
                },
                "required": ["text"],
            },
            "example": {"text": "dogs are sitting by the door", "usage": {"type": "duration", "seconds": 4}},
        },
        "text/plain": {"schema": {"type": "string"}, "example": "dogs are sitting by the door\n"},
        "application/x-subrip": {
            "schema": {"type": "string"},
            "example": "1\n00:00:00,100 --> 00:00:03,900\ndogs are sitting by the door\n",
        },
        "text/vtt": {
            "schema": {"type": "string"},
            "example": "WEBVTT\n\n00:00:00.100 --> 00:00:03.900\ndogs are sitting by the door\n",
        },
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'data: {"type":"transcript.text.delta","delta":"dogs are"}\n\n',
        },
    },
}  # fmt: skip


# ---- Ray ------------------------------------------------------------------------------------------------------------


class Ingress:
    """The replica."""

    def __init__(self, args: dict[str, Any]) -> None:
        self._app: TranscribeApp = check(TranscribeApp, args)
        app, transcriber = self._app, open_transcriber(self._app)
        kind, _, name = transcriber.recogniser.model.partition("/")
        self._metrics = Metrics("transcribe", kind, name)
        self._metrics.runs_on(kind)
        self._served = describe(app, transcriber)
        self._api = create_api(app, transcriber, self._metrics, echo_request_id=False)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return behind_door(self._api, self._app, at_recordings, metrics=self._metrics)

    async def describe(self) -> dict[str, Any]:
        """What the home application shows of this one."""
        return {
            "model": self._served.model_dump(mode="json"),
            "openapi": face.openapi(self._api),
            "sleeps": self._app.ingress.least_replicas == 0,
            "deployments": ["Ingress"],
        }

    async def snapshot(self) -> tuple[str, Snapshot]:
        from ray import serve

        return str(serve.get_replica_context().replica_tag), self._metrics.snapshot()


def build(args: dict[str, Any]) -> Application:
    """The application for the `args` of a serve file."""
    from ray import serve

    app: TranscribeApp = check(TranscribeApp, args, source="serve_apps.transcribe")
    check_exposure(app)
    ingress = serve.deployment(name="Ingress", **serve_options(app.ingress))
    return ingress(serve.ingress()(Ingress)).bind(app.model_dump(mode="json"))
