"""Ray Serve application: what is heard in a clip, or live. `build` is what a serve file names:

    fused   one deployment holds all stages: no hop between processes, best where the model is small
    split   the extractor (it takes the requests), the model and the postprocess are deployments that scale alone

A stage (serve_apps/stages.py) is called in this process or through a Serve handle; the code is the same, and so are the
answers. Live sessions run where their socket is, in the replicas that take requests.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from fastapi import FastAPI, Query, Request, Response
from numpy.typing import NDArray
from pydantic import BaseModel
from starlette.types import ASGIApp

from serve_apps.answers import Answer, EmotionAnswer
from serve_apps.guard import behind_door, check_exposure
from serve_apps.leaving import Leaving
from serve_apps.logs import log_with_serve
from serve_apps.options import routed, serve_options
from serve_apps.rollouts import Tried
from serve_apps.shadow import Mirror, Shade
from serve_apps.sides import Opener, Side, Sides
from serve_apps.split import RemoteModel, RemotePostprocess, each, unpack
from serve_apps.stages import Extractor, Floats, Model, Option, Pipeline, Postprocess, Told
from sonant.config.load import check
from sonant.config.serve import (
    ClassifyApp,
    DetectApp,
    EmbedApp,
    EnhanceApp,
    ExtractApp,
    ModelApp,
    RollingApp,
    SpeakersApp,
    VerifyApp,
)
from sonant.edge import face
from sonant.edge.body import Uploads
from sonant.edge.door import Rule, at_recordings
from sonant.edge.errors import documented
from sonant.edge.live import Live
from sonant.edge.metrics import Metrics, Snapshot
from sonant.edge.streams_labels import LabelStreams
from sonant.errors import BundleError, SonantError
from sonant.runtime.bundle import open_bundle
from sonant.runtime.engine import Engine
from sonant.runtime.info import BundleInfo
from sonant.runtime.slots import Frames, SlotPool
from sonant.runtime.sounds import SoundEngine

if TYPE_CHECKING:
    from ray.serve import Application
    from ray.serve.handle import DeploymentHandle


# ---- the face: HTTP and WebSocket, no Ray ---------------------------------------------------------------------------


AnswerForm = Literal[
    "classification", "emotion", "detection", "embedding", "verification", "enrolment", "extraction", "enhancement"
]


class Served(BaseModel):
    """A model as it is served."""

    model: str
    task: str
    answer: AnswerForm
    """What the application answers with: of all that serve one bundle, each has another."""
    labels: list[str]
    background: list[str]
    """Labels that stand for "none of them": never reported as events."""
    sample_rate_hz: int
    clip_s: float
    hop_ms: float | None
    """Time between two live scores; null: it cannot run live."""
    live: bool
    placement: str
    provider: str
    """What onnxruntime runs on."""
    max_body_mib: float
    max_audio_s: float
    metrics: dict[str, float]
    """Measured on the test split when it was trained."""
    created: str
    canary: Tried | None = None
    """A candidate that answers a share of recordings and sessions."""
    shadow: Tried | None = None
    """A candidate that hears them, too, and is compared."""

    model_config = {"use_attribute_docstrings": True}


def describe(app: ModelApp, engine: Engine | SoundEngine) -> Served:
    """What every application tells of the bundle that it serves."""
    info = engine.info
    return Served(
        model=info.id,
        task=info.task,
        answer=app.answer if isinstance(app, ClassifyApp) else KINDS[type(app)].answer,
        labels=list(info.labels),
        background=list(info.background),
        sample_rate_hz=info.sample_rate_hz,
        clip_s=info.clip_s,
        hop_ms=info.hop_ms,
        live=info.hop is not None,
        placement=app.placement,
        provider=engine.provider,
        max_body_mib=app.limits.max_body_mib,
        max_audio_s=app.limits.max_audio_s,
        metrics=dict(info.metrics),
        created=info.created,
    )


@dataclass(frozen=True)
class Face:
    """What Serve runs, the FastAPI application that documents it, and what it serves."""

    app: ASGIApp
    api: FastAPI
    served: Served
    live: Live[Any] | None = None


def create_face(
    app: ModelApp, engine: Engine, pipeline: Pipeline, metrics: Metrics, *, echo_request_id: bool = True
) -> Face:
    """The routes of the application, below its prefix."""
    assert isinstance(app, ClassifyApp)
    api = face.create("classify", echo_request_id=echo_request_id)
    served = describe(app, engine)
    uploads = Uploads(app.limits)

    async def answer(request: Request, option: Option = None) -> Response:
        with metrics.timed_request(), uploads.one() as upload:
            found = await pipeline(await upload.read(request), option)
        return Response(json.dumps(found), media_type="application/json")

    {"classification": add_classify, "emotion": add_emotion}[app.answer](api, answer)

    @api.get("/info", summary="The model that is served here", responses=face.example(served), tags=["classify"])
    async def info() -> Served:
        return served

    live: Live[Frames] | None = None
    if engine.info.hop is not None:
        streams = LabelStreams(SlotPool(engine, app.limits.max_sessions))
        live = Live(streams, app.limits, metrics, app.allowed_origins, sessions=app.sessions)
    face.add_stream(api, live)
    return Face(face.with_hot_route(api, "", answer, echo_request_id=echo_request_id), api, served, live)


def add_classify(api: FastAPI, answer: Callable[..., Awaitable[Response]]) -> None:
    """The route of an application that answers with labels."""

    @api.post(
        "",
        summary="Classify a recording",
        responses={200: {"model": Answer}, **documented(*face.UPLOAD_ERRORS)},
        openapi_extra=face.UPLOAD,
        tags=["classify"],
    )
    async def classify(
        request: Request,
        top_k: Annotated[int | None, Query(ge=1, le=1000, description="Labels in `scores`; all by default.")] = None,
    ) -> Response:
        """What is heard in a recording: the multipart field `file`, or the bytes themselves with an audio/* type."""
        return await answer(request, top_k)


def add_emotion(api: FastAPI, answer: Callable[..., Awaitable[Response]]) -> None:
    """The route of an application that answers with an emotion."""

    @api.post(
        "",
        summary="Tell the emotion of a voice",
        responses={200: {"model": EmotionAnswer}, **documented(*face.UPLOAD_ERRORS)},
        openapi_extra=face.UPLOAD,
        tags=["emotion"],
    )
    async def emotion(
        request: Request,
        timeline: Annotated[bool, Query(description="Also tell how it changes along the recording.")] = False,
    ) -> Response:
        """How a voice sounds: the multipart field `file`, or the bytes themselves with an audio/* type."""
        return await answer(request, timeline)


def load(app: ModelApp) -> tuple[Engine, Metrics]:
    """Opens the bundle: its graphs are loaded when they are first called."""
    bundle = open_bundle(app.bundle)
    check_task(app, bundle.info)
    engine = Engine(bundle, threads=app.threads, providers=app.providers)
    info = engine.info
    return engine, Metrics(info.task, info.name, info.version)


def check_task(app: ModelApp, info: BundleInfo) -> None:
    """Raises unless the bundle is made for what the application does."""
    if info.task not in KINDS[type(app)].tasks:
        raise BundleError("bundle.invalid", f"{info.id} is made for the task {info.task}", hint=_WHO_SERVES)


_WHO_SERVES = (
    "classify: serve_apps.classify; detect: serve_apps.detect; embed: serve_apps.embed, verify and speakers; "
    "extract: serve_apps.extract and speakers; enhance: serve_apps.enhance"
)


class Kind(NamedTuple):
    """What the bundle of an application may be made for, and what it answers with (a classifier's config may say)."""

    tasks: tuple[str, ...]
    answer: AnswerForm


KINDS: dict[type[ModelApp], Kind] = {
    ClassifyApp: Kind(("classify",), "classification"),
    DetectApp: Kind(("detect",), "detection"),
    EmbedApp: Kind(("embed",), "embedding"),
    VerifyApp: Kind(("embed",), "verification"),
    SpeakersApp: Kind(("embed", "extract"), "enrolment"),
    ExtractApp: Kind(("extract",), "extraction"),
    EnhanceApp: Kind(("enhance",), "enhancement"),
}
_APPS = {kind.__name__: kind for kind in KINDS}


def _postprocess(app: ModelApp, info: BundleInfo) -> Postprocess:
    return Postprocess(info, emotions=isinstance(app, ClassifyApp) and app.answer == "emotion")


def fused(app: ModelApp, engine: Engine, metrics: Metrics) -> Pipeline:
    """All stages in this process."""
    extract, model = Extractor(engine.info, app.limits), Model(engine, app, metrics)
    return Pipeline(extract, model, _postprocess(app, engine.info), heard=metrics.heard)


# ---- Ray ------------------------------------------------------------------------------------------------------------


class Replica:
    """A replica that takes requests: its routes, and what the home application asks of it."""

    app_type: type[ModelApp]
    rule: Rule = staticmethod(at_recordings)

    def __init__(self, app: ModelApp, made: Side, opener: Opener | None = None) -> None:
        self._app, self._face, self._metrics = app, made.face, made.metrics
        self._sides = Sides(app, made, opener)
        if isinstance(app, RollingApp) and app.canary is not None and self._sides.candidate is not None:
            candidate = self._sides.candidate.face.served.model
            self._face.served.canary = Tried(model=candidate, share=app.canary.share)
        self._shade: Shade | None = None
        if isinstance(app, RollingApp) and app.shadow is not None:
            self._shade = Shade(self._sides.open(app.shadow.bundle, keeps=False), app.shadow, app.limits)
            self._face.served.shadow = Tried(model=self._shade.side.face.served.model, share=app.shadow.share)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        own = None if self._shade is None else Mirror(self._face.app, self._shade)
        app = self._sides.app(own)
        if self._face.live is not None:
            app = Leaving(app, self._sides, min(self._drain_s, self._app.ingress.graceful_shutdown_timeout_s))
        return behind_door(app, self._app, self.rule, metrics=self._metrics)

    async def rollout(self) -> dict[str, Any] | None:
        """What its shadow has compared, for `sonant.edge.compare.report`."""
        return None if self._shade is None else self._shade.wire()

    async def describe(self) -> dict[str, Any]:
        """What the home application shows of this one."""
        return {
            "model": self._face.served.model_dump(mode="json"),
            "openapi": face.openapi(self._face.api, self.rule),
            "sleeps": self._app.ingress.least_replicas == 0,
            "deployments": ["Ingress"] if self._app.placement == "fused" else ["Ingress", "ModelStage"],
        }

    async def snapshot(self) -> tuple[str, Snapshot]:
        shadow = [] if self._shade is None else [self._shade.snapshot()]
        return _replica(), self._sides.snapshot() + shadow

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """What Serve's controller keeps for `edge.scaling.LivePolicy`; numbers of chunks only grow."""
        lives = list(self._sides.lives)
        told = {
            "files": self._metrics.ongoing,
            "slots": sum(live.pool.capacity for live in lives),
            "sessions": sum(live.pool.used for live in lives),
            "chunks": sum(live.chunks for live in lives),
            "late": sum(live.chunks_late for live in lives),
        }
        return {name: float(number) for name, number in told.items()}

    async def drain(self) -> int:
        """Ends the live sessions of this replica, which is about to leave; how many there were."""
        return await self._sides.drain(self._drain_s)

    @property
    def _drain_s(self) -> float:
        """Time that sessions which cannot go on elsewhere have to end."""
        return 1.0 if self._app.sessions is None else self._app.sessions.drain_s

    async def admit(self) -> None:
        """Lets live sessions in again: it does not leave after all."""
        self._sides.admit()


class Ingress(Replica):
    """One that answers with labels or vectors. With handles it keeps only the extractor to itself."""

    app_type = ClassifyApp
    make_face = staticmethod(create_face)

    def __init__(
        self,
        args: dict[str, Any],
        model: DeploymentHandle[Any] | None = None,
        postprocess: DeploymentHandle[Any] | None = None,
    ) -> None:
        app: ModelApp = check(self.app_type, args)
        if model is None or postprocess is None:
            return super().__init__(app, self._open(app), self._open)
        engine, metrics = load(app)
        extract = Extractor(engine.info, app.limits, engine if engine.splits else None)
        most = app.batching.max_batch
        stages = RemoteModel(model, most), RemotePostprocess(postprocess, most)
        pipeline = Pipeline(extract, *stages, heard=metrics.heard)
        made = self.make_face(app, engine, pipeline, metrics, echo_request_id=False)
        super().__init__(app, Side(made, metrics), self._open)

    def _open(self, app: ModelApp) -> Side:
        """A bundle with all its stages in this process."""
        engine, metrics = load(app)
        made = self.make_face(app, engine, fused(app, engine, metrics), metrics, echo_request_id=False)
        return Side(made, metrics)


class ModelStage:
    """A replica of the graph alone; `kind` names the type of the application that it belongs to."""

    def __init__(self, args: dict[str, Any], kind: str) -> None:
        app: ModelApp = check(_APPS[kind], args)
        log_with_serve()
        engine, self._metrics = load(app)
        self._model = Model(engine, app, self._metrics, body=engine.splits)
        self._metrics.runs_on(engine.body_provider if engine.splits else engine.provider)

    async def __call__(self, rows: NDArray[Any]) -> Floats:
        return await self._model(unpack(rows))

    async def snapshot(self) -> tuple[str, Snapshot]:
        return _replica(), self._metrics.snapshot()


class PostprocessStage:
    """A replica of the last stage alone: it reads the bundle's description, and loads no graph."""

    def __init__(self, args: dict[str, Any], kind: str) -> None:
        log_with_serve()
        app: ModelApp = check(_APPS[kind], args)
        self._postprocess = _postprocess(app, open_bundle(app.bundle).info)

    async def __call__(
        self, logits_WK: Floats, counts: Sequence[int], rest: Sequence[tuple[float, Option]]
    ) -> list[Told | SonantError]:
        return await each(self._postprocess, logits_WK, counts, rest)


def build(args: dict[str, Any]) -> Application:
    """The application for the `args` of a serve file."""
    return assemble(check(ClassifyApp, args, source="serve_apps.classify"), Ingress)


def assemble(app: ModelApp, ingress_type: type[Replica]) -> Application:
    """The deployments of an application, in the placement that it asks for."""
    from ray import serve
    from ray.serve._private.constants import RAY_SERVE_ENABLE_HA_PROXY

    check_exposure(app)
    plain, kind = app.model_dump(mode="json"), type(app).__name__
    router = routed(app, haproxy=RAY_SERVE_ENABLE_HA_PROXY)
    ingress = serve.deployment(name="Ingress", **router, **serve_options(app.ingress))
    ingress = ingress(serve.ingress()(ingress_type))
    if app.placement == "fused":
        return ingress.bind(plain)
    model = serve.deployment(name="ModelStage", **serve_options(app.model))(ModelStage)
    postprocess = serve.deployment(name="PostprocessStage", **serve_options(app.postprocess))(PostprocessStage)
    return ingress.bind(plain, model.bind(plain, kind), postprocess.bind(plain, kind))


def _replica() -> str:
    from ray import serve

    return str(serve.get_replica_context().replica_tag)
