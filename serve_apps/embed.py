"""Ray Serve application: the vector of a recording, to be compared with others of the same bundle. The machinery is
that of serve_apps.classify; here are the routes, and what the applications verify and speakers share with it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from serve_apps.classify import Face, Ingress, Served, assemble
from serve_apps.classify import describe as describe_served
from serve_apps.stages import Pipeline
from sonant.config.load import check
from sonant.config.serve import EmbedApp, ModelApp
from sonant.edge import face
from sonant.edge.body import Uploads
from sonant.edge.errors import documented
from sonant.edge.metrics import Metrics
from sonant.runtime.answer import Embedding
from sonant.runtime.engine import Engine

if TYPE_CHECKING:
    from ray.serve import Application


class Vector(BaseModel):
    """The vector of a recording, of length 1: the cosine of two is the sum of their products. Longer recordings are cut
    into overlapping windows, whose vectors are averaged. Vectors of other models or versions mean something else."""

    model: str
    embedding: list[float]
    duration_s: float

    model_config = {
        "json_schema_extra": {
            "example": {"model": "speaker/20251121-031822", "embedding": [0.12, -0.05, 0.31], "duration_s": 3.2}
        },
    }


class ServedEmbedder(Served):
    """An embedder as it is served."""

    size: int
    """Numbers in a vector."""
    target: str
    """What two recordings have in common when they are the same: speaker, or label."""
    thresholds: dict[str, float]
    """Cosines from which two recordings are the same, by operating point."""
    operating_point: str
    """The one that the bundle would choose."""

    model_config = {"use_attribute_docstrings": True}


def describe(app: ModelApp, engine: Engine) -> ServedEmbedder:
    embed = engine.info.embed
    assert embed is not None, "load() lets nothing else in"
    told = describe_served(app, engine).model_dump()
    thresholds = {name: point.threshold for name, point in embed.points.items()}
    return ServedEmbedder(
        **told, size=embed.size, target=embed.target, thresholds=thresholds, operating_point=embed.default
    )


def create_face(
    app: ModelApp, engine: Engine, pipeline: Pipeline, metrics: Metrics, *, echo_request_id: bool = True
) -> Face:
    """The routes of the application, below its prefix."""
    api = face.create("embed", echo_request_id=echo_request_id)
    uploads = Uploads(app.limits)

    async def answer(request: Request) -> Response:
        with metrics.timed_request(), uploads.one() as upload:
            found = await heard(pipeline, await upload.read(request))
        return Response(json.dumps(found), media_type="application/json")

    @api.post(
        "",
        summary="The vector of a recording",
        responses={200: {"model": Vector}, **documented(*face.UPLOAD_ERRORS)},
        openapi_extra=face.UPLOAD,
        tags=["embed"],
    )
    async def embed(request: Request) -> Response:
        """The vector of a recording: the multipart field `file`, or the bytes themselves with an audio/* type."""
        return await answer(request)

    served = describe(app, engine)
    add_info(api, served)
    return Face(face.with_hot_route(api, "", answer, echo_request_id=echo_request_id), api, served)


def add_info(api: FastAPI, served: Served) -> None:
    """What is served, at /info; and no sockets: recordings have an end."""

    @api.get(
        "/info",
        summary="The model that is served here",
        response_model=type(served),
        responses=face.example(served),
        tags=[api.title],
    )
    async def info() -> Served:
        return served

    face.refuse_other_sockets(api)


async def heard(pipeline: Pipeline, data: bytes) -> Embedding:
    """The vector of one upload."""
    return cast(Embedding, await pipeline(data))


class EmbedIngress(Ingress):
    """A replica that takes requests."""

    app_type = EmbedApp
    make_face = staticmethod(create_face)


def build(args: dict[str, Any]) -> Application:
    """The application for the `args` of a serve file."""
    return assemble(check(EmbedApp, args, source="serve_apps.embed"), EmbedIngress)
