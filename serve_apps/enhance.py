"""Ray Serve application: speech without its noise, from a recording of any length or live.

Everything runs where the request is: what a split would send between processes is the sound itself. A recording goes
through in parts, decoded, stepped and encoded one after the other; what was made is sent once it is whole
(`serve_apps.spool`). Nothing is kept, unless the application says where and the request asks for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serve_apps import sounds
from serve_apps.classify import Face, Replica, Served, assemble, check_task
from serve_apps.classify import describe as describe_served
from serve_apps.sides import Side
from serve_apps.stages import LONG_AT_ONCE
from sonant.audio.nursery import nursery
from sonant.audio.samples import Wav
from sonant.audio.sandbox_parts import sandboxed_parts
from sonant.config.load import check
from sonant.config.serve import EnhanceApp, ModelApp
from sonant.edge import face, quota, visit
from sonant.edge.body import FIELD, Uploads
from sonant.edge.errors import documented
from sonant.edge.live import Live
from sonant.edge.metrics import Metrics
from sonant.edge.results import ResultStore
from sonant.edge.shelf import iso
from sonant.edge.streams_sound import SoundStreams
from sonant.errors import RequestError
from sonant.runtime.bundle import open_bundle
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.level import Gauge
from sonant.runtime.scores import Floats
from sonant.runtime.sound_slots import Heard, SoundPool

if TYPE_CHECKING:
    from ray.serve import Application


class ServedEnhancer(Served):
    """An enhancer as it is served."""

    latency_ms: float
    """How far a live answer looks ahead; filling a hop comes on top."""
    formats: list[str]
    """What `Accept` may be."""
    store_ttl_s: float | None
    """How long an answer is kept that a request asks to keep; null: none is."""

    model_config = {"use_attribute_docstrings": True}


class Wish(BaseModel):
    """What a request may ask for, in its query or as fields of its form; where both do, the query counts."""

    dry: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of what was sent that is mixed with the answer, sample by sample: 0 is the network alone."""
    store: bool = False
    """Keep the answer for a time: the header X-Sonant-Result tells its id."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


FIELDS = tuple(Wish.model_fields)


def describe(app: EnhanceApp, engine: EnhanceEngine) -> ServedEnhancer:
    """What /info and the home application tell."""
    info = engine.info
    return ServedEnhancer(
        **describe_served(app, engine).model_dump(),
        latency_ms=1000 * info.latency / info.sample_rate_hz,
        formats=[*sounds.FORMATS, sounds.JSON],
        store_ttl_s=None if app.store_url is None else app.store_ttl_s,
    )


class Enhancements:
    """Answers about recordings, a few at a time and none on the event loop."""

    def __init__(self, app: EnhanceApp, engine: EnhanceEngine, store: ResultStore | None, metrics: Metrics) -> None:
        self._limits, self._engine, self._store, self._metrics = app.limits, engine, store, metrics
        self._room = asyncio.Semaphore(LONG_AT_ONCE)

    async def __call__(self, data: bytes, wish: Wish, media: str) -> Response:
        """The answer as this media type. A request that is given up stops the work for it."""
        left = threading.Event()
        with visit.stage("queue"):
            await self._room.acquire()
        try:
            return await asyncio.to_thread(self.made, data, wish, media, left)
        finally:
            self._room.release()
            left.set()

    def made(self, data: bytes, wish: Wish, media: str, left: threading.Event) -> Response:
        """The same in this thread, until `left` is set: takes the time that the network needs."""
        info, gauge, lap = self._engine.info, Gauge(), visit.Lap()
        if wish.store:
            self._results.check_room()
        with sounds.spooled(info, media) as spool, closing(self._parts(data)) as parts:
            for wav_N in self._engine.enhance_pieces(_gauged(lap.inside(parts), gauge), dry=wish.dry):
                if left.is_set():
                    raise RequestError("request.invalid", "the client has left")
                spool.write(wav_N)
        answered = sounds.Answered(info, spool, gauge.dbfs)
        lap.note("decode", "graph")
        self._metrics.heard(answered.duration_s)
        self._metrics.audio_out_seconds.inc(answered.duration_s)
        quota.heard(answered.duration_s)
        with visit.stage("answer"):
            return (self._kept(answered, media) if wish.store else answered).response(media)

    def _parts(self, data: bytes) -> Generator[Wav]:
        limits = self._limits
        return sandboxed_parts(
            data,
            rate_hz=self._engine.info.sample_rate_hz,
            max_s=limits.max_audio_s,
            max_bytes=int(limits.max_body_mib * 2**20),
            timeout_s=limits.decode_s,
            nursery=nursery(),
        )

    def _kept(self, answered: sounds.Answered, media: str) -> sounds.Answered:
        """What is kept is the file, also where the answer is JSON."""
        spool, kind = answered.spool, "audio/wav" if media == sounds.JSON else media
        kept = self._results.put(spool.pieces(), size=spool.size, media=kind, model=answered.info.id)
        return replace(answered, kept=kept)

    @property
    def _results(self) -> ResultStore:
        if self._store is None:
            raise RequestError("request.invalid", "no answers are kept here", hint="set `store_url` of the application")
        return self._store


def _gauged(parts: Iterable[Floats], gauge: Gauge) -> Iterator[Floats]:
    for wav_N in parts:
        gauge.add(wav_N)
        yield wav_N


def create_face(app: ModelApp, engine: EnhanceEngine, metrics: Metrics, *, echo_request_id: bool = True) -> Face:
    """The routes of the application, below its prefix."""
    assert isinstance(app, EnhanceApp)
    api = face.create("enhance", echo_request_id=echo_request_id)
    uploads, served = Uploads(app.limits), describe(app, engine)
    store = None
    if app.store_url is not None:
        store = ResultStore(app.store_url, ttl_s=app.store_ttl_s, most=app.max_stored)
    enhancements = Enhancements(app, engine, store, metrics)

    @api.post(
        "",
        summary="A recording without its noise",
        responses={
            **sounds.documented(),
            **documented(*face.UPLOAD_ERRORS, "request.not_acceptable"),
        },
        openapi_extra=face.upload(Wish.model_json_schema()["properties"]),
        tags=["enhance"],
    )
    async def enhance(
        request: Request,
        dry: Annotated[
            float | None, Query(ge=0, le=1, description="Share of the recording that stays in the answer.")
        ] = None,
        store: Annotated[bool | None, Query(description="Keep the answer for a time.")] = None,
    ) -> Response:
        """The recording in the multipart field `file`, or the bytes themselves with an audio/* type, without its noise:
        as long, and aligned with it. `Accept` chooses the format."""
        with metrics.timed_request(), uploads.one() as upload:
            media = sounds.accepted(request.headers.get("accept", ""))
            form = await upload.read_recording(request, FIELDS)
            asked = {name: value for name, value in (("dry", dry), ("store", store)) if value is not None}
            return await enhancements(form.files[FIELD][0], _wish({**form.texts, **asked}), media)

    @api.get("/info", summary="The enhancer that is served here", responses=face.example(served), tags=["enhance"])
    async def info() -> ServedEnhancer:
        return served

    live: Live[Heard] | None = None
    if engine.live:
        streams = SoundStreams(SoundPool(engine, app.limits.max_sessions))
        live = Live(streams, app.limits, metrics, app.allowed_origins, sessions=app.sessions)
    face.add_stream(api, live)
    if store is not None:
        _add_results(api, store)
    return Face(api, api, served, live)


_KEPT_HEADERS = {
    name: about
    for name, about in sounds.documented_headers().items()
    if name in ("X-Sonant-Model", "X-Sonant-Result", "X-Sonant-Result-Expires")
}


def _add_results(api: FastAPI, store: ResultStore) -> None:
    """The routes of answers that are kept."""

    files: dict[str, Any] = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in sounds.FORMATS}

    @api.get(
        "/{result}",
        summary="An answer that was kept",
        response_class=StreamingResponse,
        responses={
            200: {"description": "The sound.", "content": files, "headers": _KEPT_HEADERS},
            **documented("result.not_found"),
        },
        tags=["enhance"],
    )
    async def kept(result: str) -> Response:
        """The file as it was answered. Whoever knows the id may have it, until it ends."""
        found = await asyncio.to_thread(store.get, result)
        headers = {
            "Content-Length": str(found.bytes),
            "Cache-Control": "private, no-store",
            "X-Sonant-Model": found.model,
            "X-Sonant-Result": found.id,
            "X-Sonant-Result-Expires": iso(found.expires),
        }
        return StreamingResponse(store.pieces(result), media_type=found.media, headers=headers)

    @api.delete(
        "/{result}",
        status_code=204,
        summary="End an answer that was kept",
        responses=documented("result.not_found"),
        tags=["enhance"],
    )
    async def delete(result: str) -> None:
        """Removes the sound for good."""
        await asyncio.to_thread(store.delete, result)


def _wish(asked: dict[str, Any]) -> Wish:
    try:
        return Wish.model_validate(asked)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        told = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg'].lower()}" for fault in faults)
        raise RequestError("request.invalid", told) from None


def load(app: ModelApp) -> tuple[EnhanceEngine, Metrics]:
    """Opens the bundle: its graphs are loaded when they are first called."""
    bundle = open_bundle(app.bundle)
    check_task(app, bundle.info)
    engine = EnhanceEngine(bundle, threads=app.threads, providers=app.providers)
    return engine, Metrics(bundle.info.task, bundle.info.name, bundle.info.version)


def open_side(app: ModelApp) -> Side:
    """A bundle as this application serves it."""
    engine, metrics = load(app)
    return Side(create_face(app, engine, metrics, echo_request_id=False), metrics)


class EnhanceIngress(Replica):
    """A replica that takes requests."""

    app_type = EnhanceApp

    def __init__(self, args: dict[str, Any]) -> None:
        app: EnhanceApp = check(EnhanceApp, args)
        super().__init__(app, open_side(app), open_side)


def build(args: dict[str, Any]) -> Application:
    """The application for the `args` of a serve file."""
    return assemble(check(EnhanceApp, args, source="serve_apps.enhance"), EnhanceIngress)
