"""Ray Serve application: the voice of one wanted speaker, out of a recording or live.

Everything runs where the request is: what a split would send between processes is the sound itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response

from serve_apps import sounds
from serve_apps.classify import Face, Replica, Served, assemble, check_task
from serve_apps.classify import describe as describe_served
from serve_apps.sides import Side
from serve_apps.stages import LONG_AT_ONCE
from sonant.audio.sandbox import Sandbox
from sonant.config.load import check
from sonant.config.serve import ExtractApp, ModelApp
from sonant.edge import face, quota, visit
from sonant.edge.body import FIELD, Form, Uploads
from sonant.edge.enrolment import Enroller
from sonant.edge.errors import documented
from sonant.edge.live import Live
from sonant.edge.metrics import Metrics
from sonant.edge.speakers import SPEAKER_ID, SpeakerStore
from sonant.edge.streams_voice import VoiceStreams
from sonant.errors import RequestError
from sonant.runtime.bundle import open_bundle
from sonant.runtime.scores import Floats
from sonant.runtime.sound_slots import Heard
from sonant.runtime.voice_slots import VoicePool
from sonant.runtime.voices import VoiceEngine

if TYPE_CHECKING:
    from ray.serve import Application

REFERENCE, SPEAKER = "reference", "speaker"


class ServedExtractor(Served):
    """An extractor as it is served."""

    voice_size: int
    """Numbers in a voice."""
    latency_ms: float
    """How far a live answer looks ahead; filling a hop comes on top."""
    presence: bool
    """Whether it tells how likely the wanted voice is there."""
    formats: list[str]
    """What `Accept` may be."""
    max_references: int
    """Most recordings of the voice in one request."""
    speakers: bool
    """Whether enrolled speakers are known here."""

    model_config = {"use_attribute_docstrings": True}


def describe(app: ExtractApp, engine: VoiceEngine) -> ServedExtractor:
    """What /info and the home application tell."""
    info = engine.info
    return ServedExtractor(
        **describe_served(app, engine).model_dump(),
        voice_size=engine.sizes.voice_size,
        latency_ms=1000 * info.latency / info.sample_rate_hz,
        presence=engine.sizes.presence,
        formats=[*sounds.FORMATS, sounds.JSON],
        max_references=app.max_references,
        speakers=app.speakers is not None,
    )


class Extractions:
    """Answers about whole recordings, a few at a time and none on the event loop: decoded, they are large."""

    def __init__(self, app: ExtractApp, engine: VoiceEngine, enroller: Enroller, metrics: Metrics) -> None:
        self._limits, self._engine, self._enroller, self._metrics = app.limits, engine, enroller, metrics
        self._room = asyncio.Semaphore(LONG_AT_ONCE)
        self._sandbox = Sandbox(workers=app.limits.decoders, timeout_s=app.limits.decode_s)

    async def __call__(self, form: Form, media: str) -> Response:
        """The answer to a form: the voice as it is in its mixture, as this media type."""
        voice_E = await self._voice(form)
        with visit.stage("queue"):
            await self._room.acquire()
        try:
            return await asyncio.to_thread(self._made, form.files[FIELD][0], voice_E, media)
        finally:
            self._room.release()

    async def _voice(self, form: Form) -> Floats:
        references, speaker = form.files[REFERENCE], form.texts.get(SPEAKER)
        if not form.files[FIELD] or bool(references) == (speaker is not None):
            told = (
                f"the form needs the recording {FIELD!r}, and one of {REFERENCE!r} (recordings) and {SPEAKER!r} (an id)"
            )
            raise RequestError("request.invalid", told)
        if speaker is not None:
            return await self._enroller.of_speaker(speaker)
        return (await self._enroller.of_recordings(references)).voice_E

    def _made(self, data: bytes, voice_E: Floats, media: str) -> Response:
        info, max_bytes = self._engine.info, int(self._limits.max_body_mib * 2**20)
        rate_hz, max_s = info.sample_rate_hz, self._limits.max_audio_s
        with visit.stage("decode"):
            mix_N = self._sandbox.decode(data, rate_hz=rate_hz, max_s=max_s, max_bytes=max_bytes)
        with visit.stage("graph"):
            voice_N, logit_F = self._engine.extract(mix_N, voice_E)
        with visit.stage("answer"):
            answered = sounds.Answered.of(info, media, mix_N, voice_N, logit_F)
            self._metrics.heard(answered.duration_s)
            self._metrics.audio_out_seconds.inc(answered.duration_s)
            quota.heard(answered.duration_s)
            return answered.response(media)


def create_face(app: ModelApp, engine: VoiceEngine, metrics: Metrics, *, echo_request_id: bool = True) -> Face:
    """The routes of the application, below its prefix."""
    assert isinstance(app, ExtractApp)
    api = face.create("extract", echo_request_id=echo_request_id)
    uploads, served = Uploads(app.limits), describe(app, engine)
    enroller = Enroller(engine, app.limits, None if app.speakers is None else SpeakerStore(app.speakers))
    extractions = Extractions(app, engine, enroller, metrics)
    fields = {FIELD: 1, REFERENCE: app.max_references}

    @api.post(
        "",
        summary="The voice of one speaker, out of a recording",
        responses={
            **sounds.documented(),
            **documented(*face.UPLOAD_ERRORS, "request.not_acceptable", "speaker.not_found", "speaker.mismatch"),
        },
        openapi_extra=face.form(fields, {SPEAKER: SPEAKER_ID}, required=(FIELD,)),
        tags=["extract"],
    )
    async def extract(request: Request) -> Response:
        """The voice that recordings in the fields `reference`, or the enrolled speaker `speaker`, have, as it is in the
        recording `file`: as long, and aligned with it. `Accept` chooses the format; silence where the voice is not."""
        with metrics.timed_request(), uploads.one() as upload:
            media = sounds.accepted(request.headers.get("accept", ""))
            return await extractions(await upload.read_form(request, fields, (SPEAKER,)), media)

    @api.get("/info", summary="The extractor that is served here", responses=face.example(served), tags=["extract"])
    async def info() -> ServedExtractor:
        return served

    live: Live[Heard] | None = None
    if engine.live:
        streams = VoiceStreams(VoicePool(engine, app.limits.max_sessions), enroller)
        live = Live(streams, app.limits, metrics, app.allowed_origins, uploads=uploads, sessions=app.sessions)
    face.add_stream(api, live)
    return Face(api, api, served, live)


def load(app: ModelApp) -> tuple[VoiceEngine, Metrics]:
    """Opens the bundle: its graphs are loaded when they are first called."""
    bundle = open_bundle(app.bundle)
    check_task(app, bundle.info)
    engine = VoiceEngine(bundle, threads=app.threads, providers=app.providers)
    return engine, Metrics(bundle.info.task, bundle.info.name, bundle.info.version)


def open_side(app: ModelApp) -> Side:
    """A bundle as this application serves it."""
    engine, metrics = load(app)
    return Side(create_face(app, engine, metrics, echo_request_id=False), metrics)


class ExtractIngress(Replica):
    """A replica that takes requests."""

    app_type = ExtractApp

    def __init__(self, args: dict[str, Any]) -> None:
        app: ExtractApp = check(ExtractApp, args)
        super().__init__(app, open_side(app), open_side)


def build(args: dict[str, Any]) -> Application:
    """The application for the `args` of a serve file."""
    return assemble(check(ExtractApp, args, source="serve_apps.extract"), ExtractIngress)
