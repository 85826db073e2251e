"""Ray Serve application: are two recordings, or a recording and an enrolled speaker, the same?"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel

from serve_apps.classify import Face, Ingress, assemble
from serve_apps.embed import add_info, describe, heard
from serve_apps.stages import Pipeline
from sonant.config.load import check
from sonant.config.serve import ModelApp, VerifyApp
from sonant.edge import face
from sonant.edge.body import FIELD, Form, Uploads
from sonant.edge.errors import documented
from sonant.edge.metrics import Metrics
from sonant.edge.speakers import SPEAKER_ID, Speaker, SpeakerStore
from sonant.errors import ModelError, RequestError
from sonant.runtime.engine import Engine
from sonant.runtime.info import BundleInfo, VerifyPoint
from sonant.runtime.vectors import cosine

if TYPE_CHECKING:
    from ray.serve import Application

REFERENCE, SPEAKER = "reference", "speaker"

_BODY = face.form({FIELD: 1, REFERENCE: 1}, {SPEAKER: SPEAKER_ID}, required=(FIELD,))


class Verification(BaseModel):
    """Whether a recording is of the same speaker (or sound) as another one."""

    model: str
    score: float
    """Cosine of the two vectors, from -1 to 1."""
    threshold: float
    """Cosine from which they count as the same."""
    operating_point: str
    same: bool
    duration_s: float
    """Of `file`."""

    model_config = {
        "use_attribute_docstrings": True,
        "json_schema_extra": {
            "example": {
                "model": "speaker/20251121-031822",
                "score": 0.71,
                "threshold": 0.48,
                "operating_point": "equal_error",
                "same": True,
                "duration_s": 3.2,
            }
        },
    }


def create_face(
    app: ModelApp, engine: Engine, pipeline: Pipeline, metrics: Metrics, *, echo_request_id: bool = True
) -> Face:
    """The routes of the application, below its prefix."""
    assert isinstance(app, VerifyApp)
    api = face.create("verify", echo_request_id=echo_request_id)
    uploads = Uploads(app.limits)
    store = None if app.speakers is None else SpeakerStore(app.speakers)
    point_of(engine.info, app.operating_point)  # a wrong one is told when the replica starts

    @api.post(
        "",
        summary="Whether two recordings are of the same speaker",
        responses={
            200: {"model": Verification},
            **documented(*face.UPLOAD_ERRORS, "speaker.not_found", "speaker.mismatch", "model.unknown"),
        },
        openapi_extra=_BODY,
        tags=["embed"],
    )
    async def verify(
        request: Request,
        operating_point: Annotated[
            str | None, Query(max_length=64, description="One of those that /info lists.")
        ] = None,
    ) -> Response:
        """Compares the recording `file` with another, `reference`, or with an enrolled speaker: the id `speaker`."""
        with metrics.timed_request(), uploads.one() as upload:
            name, point = point_of(engine.info, operating_point or app.operating_point)
            form = await upload.read_form(request, {FIELD: 1, REFERENCE: 1}, (SPEAKER,))
            file, reference, known = await _parts(form, store)
            if known is not None:
                known.check_model(engine.info)
            first, *others = await asyncio.gather(
                *(heard(pipeline, data) for data in (file, reference) if data is not None)
            )
            score = cosine(first["embedding"], others[0]["embedding"] if known is None else known.vector)
        found = {
            "model": engine.info.id,
            "score": round(score, 6),
            "threshold": point.threshold,
            "operating_point": name,
            "same": score >= point.threshold,
            "duration_s": first["duration_s"],
        }
        return Response(json.dumps(found), media_type="application/json")

    served = describe(app, engine)
    add_info(api, served)
    return Face(api, api, served)


def point_of(info: BundleInfo, name: str | None) -> tuple[str, VerifyPoint]:
    """An operating point and its name; the bundle's own choice for None."""
    assert info.embed is not None, "load() lets nothing else in"
    name = name or info.embed.default
    if name not in info.embed.points:
        hint = f"it has {', '.join(sorted(info.embed.points))}"
        raise ModelError("model.unknown", f"{info.id} has no operating point {name[:64]!r}", hint=hint)
    return name, info.embed.points[name]


async def _parts(form: Form, store: SpeakerStore | None) -> tuple[bytes, bytes | None, Speaker | None]:
    """The recording, and what it is compared with: another one, or a speaker."""
    files, references, speaker = form.files[FIELD], form.files[REFERENCE], form.texts.get(SPEAKER)
    if not files or bool(references) == (speaker is not None):
        told = f"the form needs the recording {FIELD!r}, and one of {REFERENCE!r} (a recording) and {SPEAKER!r} (an id)"
        raise RequestError("request.invalid", told)
    if speaker is None:
        return files[0], references[0], None
    if store is None:
        hint = "send a recording as `reference`, or set `speakers` of this application"
        raise RequestError("request.invalid", "no speakers are kept here", hint=hint)
    return files[0], None, await asyncio.to_thread(store.get, speaker)


class VerifyIngress(Ingress):
    """A replica that takes requests."""

    app_type = VerifyApp
    make_face = staticmethod(create_face)


def build(args: dict[str, Any]) -> Application:
    """The application for the `args` of a serve file."""
    return assemble(check(VerifyApp, args, source="serve_apps.verify"), VerifyIngress)
