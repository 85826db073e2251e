"""Ray Serve application: when is something heard, in a recording or live. The machinery is that of serve_apps.classify;
here are the routes and what they answer.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel

from serve_apps.classify import Face, Ingress, Served, assemble
from serve_apps.classify import describe as describe_served
from serve_apps.stages import Pipeline
from sonant.config.load import check
from sonant.config.serve import DetectApp, ModelApp
from sonant.edge import face
from sonant.edge.body import Uploads
from sonant.edge.errors import documented
from sonant.edge.live import Live
from sonant.edge.metrics import Metrics
from sonant.edge.streams_labels import LabelStreams
from sonant.runtime.answer import option_of
from sonant.runtime.engine import Engine
from sonant.runtime.slots import SlotPool

if TYPE_CHECKING:
    from ray.serve import Application


class FoundSegment(BaseModel):
    """A stretch of the recording in which a label is heard."""

    t_start: float
    t_end: float
    label: str
    score: float
    """Mean probability while it is heard."""

    model_config = {"use_attribute_docstrings": True}


class Detections(BaseModel):
    """When labels are heard in a recording, in order of time; seconds from its start."""

    model: str
    operating_point: str
    segments: list[FoundSegment]
    duration_s: float

    model_config = {
        "json_schema_extra": {
            "example": {
                "model": "speech/20251121-031822",
                "operating_point": "balanced",
                "segments": [{"t_start": 0.42, "t_end": 1.96, "label": "speech", "score": 0.97}],
                "duration_s": 2.5,
            }
        },
    }


class ServedDetector(Served):
    """A detector as it is served."""

    operating_points: list[str]
    """What `operating_point` may be."""
    operating_point: str
    """The one that is used when a request names none, and in live sessions."""

    model_config = {"use_attribute_docstrings": True}


def describe(app: ModelApp, engine: Engine) -> ServedDetector:
    assert engine.info.detect is not None, "load() lets nothing else in"
    told = describe_served(app, engine).model_dump()
    return ServedDetector(**told, operating_points=list(engine.info.detect.points), operating_point=_point(app, engine))


def create_face(
    app: ModelApp, engine: Engine, pipeline: Pipeline, metrics: Metrics, *, echo_request_id: bool = True
) -> Face:
    """The routes of the application, below its prefix."""
    api = face.create("detect", echo_request_id=echo_request_id)
    served = describe(app, engine)
    uploads = Uploads(app.limits)

    async def answer(request: Request, point: str | None = None) -> Response:
        chosen = option_of(engine.info, point=point or served.operating_point)
        with metrics.timed_request(), uploads.one() as upload:
            found = await pipeline(await upload.read(request), chosen)
        return Response(json.dumps(found), media_type="application/json")

    @api.post(
        "",
        summary="Find what is heard when in a recording",
        responses={200: {"model": Detections}, **documented(*face.UPLOAD_ERRORS, "model.unknown")},
        openapi_extra=face.UPLOAD,
        tags=["detect"],
    )
    async def detect(
        request: Request,
        operating_point: Annotated[
            str | None, Query(max_length=64, description="One of those that /info lists.")
        ] = None,
    ) -> Response:
        """Segments of a recording: the multipart field `file`, or the bytes themselves with an audio/* type."""
        return await answer(request, operating_point)

    @api.get("/info", summary="The detector that is served here", responses=face.example(served), tags=["detect"])
    async def info() -> ServedDetector:
        return served

    live = None
    if engine.info.hop is not None:
        pool = SlotPool(engine, app.limits.max_sessions, served.operating_point)
        live = Live(LabelStreams(pool), app.limits, metrics, app.allowed_origins, sessions=app.sessions)
    face.add_stream(api, live)
    return Face(face.with_hot_route(api, "", answer, echo_request_id=echo_request_id), api, served, live)


class DetectIngress(Ingress):
    """A replica that takes requests."""

    app_type = DetectApp
    make_face = staticmethod(create_face)


def build(args: dict[str, Any]) -> Application:
    """The application for the `args` of a serve file."""
    return assemble(check(DetectApp, args, source="serve_apps.detect"), DetectIngress)


def _point(app: ModelApp, engine: Engine) -> str:
    wanted = app.operating_point if isinstance(app, DetectApp) else None
    return str(option_of(engine.info, point=wanted))
