"""Ray Serve application: the graphs of bundles in the open inference protocol (KServe v2), for clients that speak it.

A model is a bundle's main graph; its other graphs are models of their own, named after their role: words.step takes
a live stream's chunk and state, voice.enroll a reference. A replica opens a bundle when it is first asked for and holds
the latest ones. The protocol wants errors as {"error": "..."}; the code stands in the header X-Error-Code.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.types import ASGIApp

from serve_apps.guard import behind_door, check_exposure
from serve_apps.options import serve_options
from sonant.config.load import check
from sonant.config.serve import TensorsApp
from sonant.edge import errors, face, tensors, visit
from sonant.edge.body import Uploads
from sonant.edge.door import at_recordings
from sonant.edge.metrics import Metrics, Snapshot
from sonant.errors import ERRORS, ModelError, RequestError, SonantError
from sonant.runtime.bundle import open_bundle
from sonant.runtime.graph import Array, Graph
from sonant.runtime.info import BundleInfo, GraphInfo, Role

if TYPE_CHECKING:
    from ray.serve import Application

NAME = "sonant"


class Opened(NamedTuple):
    """A graph of a bundle, ready to run."""

    info: BundleInfo
    about: GraphInfo
    graph: Graph


class Models:
    """The graphs that requests name, those of at most so many bundles held at once."""

    def __init__(self, app: TensorsApp) -> None:
        self._app = app
        self._infos = {name: open_bundle(ref).info for name, ref in app.models.items()}
        self._held: OrderedDict[str, dict[Role, Graph]] = OrderedDict()

    @property
    def names(self) -> list[str]:
        """Every graph that can be asked for."""
        return [
            name if role == main(info) else f"{name}.{role}"
            for name, info in self._infos.items()
            for role in info.graphs
        ]

    def find(self, asked: str, version: str | None = None) -> tuple[str, Role, BundleInfo]:
        """Bundle and graph of a model's name; ModelError where there is none."""
        name, _, role = asked.rpartition(".")
        if asked in self._infos:
            name, role = asked, main(self._infos[asked])
        info = self._infos.get(name)
        if info is None or role not in info.graphs or version not in (None, "", info.version):
            told = f"{asked[:64]!r}" if not version else f"{asked[:64]!r} of version {version[:64]!r}"
            raise ModelError("model.unknown", f"there is no model {told}", hint=f"there are {', '.join(self.names)}")
        return name, role, info

    def open(self, asked: str, version: str | None = None) -> Opened:
        """Loads what is not held; the bundle that was asked for longest ago makes room. Not for event loops."""
        name, role, info = self.find(asked, version)
        held = self._held.setdefault(name, {})
        self._held.move_to_end(name)
        while len(self._held) > self._app.most_loaded:
            self._held.popitem(last=False)
        if role not in held:
            data = open_bundle(self._app.models[name]).read(info.graphs[role].file)
            held[role] = Graph(data, threads=self._app.threads, providers=self._app.providers)
        return Opened(info, info.graphs[role], held[role])


def main(info: BundleInfo) -> Role:
    """The graph that a bundle's own name stands for."""
    return "model" if "model" in info.graphs else "step"


def create_api(app: TensorsApp, models: Models, metrics: Metrics, *, echo_request_id: bool = True) -> FastAPI:
    """The routes of the application, below /v2."""
    api = face.create("tensors", echo_request_id=echo_request_id)
    api.add_exception_handler(SonantError, _as_the_protocol)
    uploads, turn = Uploads(app.limits), asyncio.Semaphore(1)
    waiting = 0

    @api.get("", summary="The server", **_told(tensors.ServerMetadata))
    async def server() -> dict[str, Any]:
        return {"name": NAME, "version": "2", "extensions": ["binary_tensor_data"], "models": models.names}

    @api.get("/health/live", summary="Whether this process answers", **_told(tensors.ServerLive))
    async def live() -> dict[str, bool]:
        return {"live": True}

    @api.get("/health/ready", summary="Whether every bundle has been read and verified", **_told(tensors.ServerReady))
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    async def metadata(name: str, version: str | None = None) -> dict[str, Any]:
        _, role, info = models.find(name, version)
        about = info.graphs[role]
        return {
            "name": name,
            "versions": [info.version],
            "platform": "onnxruntime_onnx",
            "inputs": [tensors.described(tensor) for tensor in about.inputs],
            "outputs": [tensors.described(tensor) for tensor in about.outputs],
        }

    async def model_ready(name: str, version: str | None = None) -> dict[str, Any]:
        await _run(models.open, name, version)
        return {"name": name, "ready": True}

    async def infer(request: Request, name: str, version: str | None = None) -> Response:
        nonlocal waiting
        if waiting >= app.most_waiting:
            raise RequestError("server.full", f"{waiting} requests are being worked on")
        waiting += 1
        try:
            with metrics.timed_request(), uploads.one() as upload:
                body = await upload.read_raw(request)
                length = request.headers.get(tensors.JSON_LENGTH)
                given, headers = await _run(_inferred, models, body, length, name, version)
        finally:
            waiting -= 1
        return Response(given, headers=headers)

    async def _run(call: Callable[..., Any], *arguments: Any) -> Any:
        with visit.stage("queue"):
            await turn.acquire()
        try:
            return await asyncio.to_thread(call, *arguments)
        finally:
            turn.release()

    _add(api, "", "What a model takes and gives", metadata, **_told(tensors.ModelMetadata))
    _add(api, "/ready", "Whether a model is loaded: it is, after this", model_ready, **_told(tensors.ModelReady))
    _add(api, "/infer", "Run a model", infer, **_INFER)
    face.refuse_other_sockets(api)
    return api


def _add(api: FastAPI, path: str, summary: str, answer: Callable[..., Awaitable[Any]], **told: Any) -> None:
    """A route of a model, with and without its version."""
    api.add_api_route("/models/{name}/versions/{version}" + path, answer, summary=summary, **told)
    api.add_api_route("/models/{name}" + path, _unversioned(answer), summary=summary, **told)


def _unversioned(answer: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The same without the parameter: FastAPI would look for it in the query."""

    async def latest(**given: Any) -> Any:
        return await answer(**given)

    whole = inspect.signature(answer, eval_str=True)
    kept = [word for name, word in whole.parameters.items() if name != "version"]
    latest.__signature__ = whole.replace(parameters=kept)  # pyright: ignore[reportFunctionMemberAccess]
    return latest


def _documented(*codes: str) -> dict[int | str, dict[str, Any]]:
    """`errors.documented`, as the protocol tells errors."""
    responses = errors.documented(*codes)
    told = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    for answer in responses.values():
        content = answer["content"]["application/json"]
        content["schema"] = told
        content["examples"] = {code: {"value": {"error": f"... ({ERRORS[code].hint})"}} for code in content["examples"]}
        answer["headers"][_CODE] = {"description": "Code of the error.", "schema": {"type": "string"}}
    return responses


def _told(model: type[BaseModel]) -> dict[str, Any]:
    """What FastAPI is told of a route that answers with this."""
    answer = {"content": {"application/json": {"example": _EXAMPLES[model]}}}
    refused = _documented("model.unknown") if model in (tensors.ModelMetadata, tensors.ModelReady) else {}
    return {"response_model": model, "responses": {200: answer, **refused}, "tags": ["tensors"]}


_CODE = "X-Error-Code"
_WAV = {"name": "wav", "datatype": "FP32", "shape": [-1, -1]}
_LOGITS = {"name": "logits", "datatype": "FP32", "shape": [-1, 3]}
_EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    tensors.ServerMetadata: {
        "name": NAME,
        "version": "2",
        "extensions": ["binary_tensor_data"],
        "models": ["words", "words.step"],
    },
    tensors.ServerLive: {"live": True},
    tensors.ServerReady: {"ready": True},
    tensors.ModelReady: {"name": "words", "ready": True},
    tensors.ModelMetadata: {
        "name": "words",
        "versions": ["20251121-031822"],
        "platform": "onnxruntime_onnx",
        "inputs": [_WAV],
        "outputs": [_LOGITS],
    },
    tensors.Inferred: {
        "model_name": "words",
        "model_version": "20251121-031822",
        "id": "1",
        "outputs": [{"name": "logits", "shape": [1, 3], "datatype": "FP32", "data": [-1.5, 0.25, 4.0]}],
    },
}
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_LENGTH = {"description": "Length of the JSON that the bytes follow.", "schema": {"type": "integer", "minimum": 0}}
_INFERRED: dict[str, Any] = {
    "model": tensors.Inferred,
    "content": {
        "application/json": {"example": _EXAMPLES[tensors.Inferred]},
        "application/octet-stream": _BYTES,
    },
    "headers": {tensors.JSON_LENGTH: {**_LENGTH, "description": f"With bytes only. {_LENGTH['description']}"}},
}
_ASKED: dict[str, Any] = {
    "parameters": [{"name": tensors.JSON_LENGTH, "in": "header", "required": False, **_LENGTH}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": tensors.Ask.model_json_schema(),
                "example": {
                    "id": "1",
                    "inputs": [{"name": "wav", "shape": [1, 4], "datatype": "FP32", "data": [0.0, 0.1, 0.0, -0.1]}],
                },
            },
            "application/octet-stream": _BYTES,
        },
    },
}
_INFER: dict[str, Any] = {
    "methods": ["POST"],
    "response_model": None,
    "responses": {
        200: _INFERRED,
        **_documented("model.unknown", "request.invalid", "request.too_slow", "audio.too_big", "server.full"),
    },
    "openapi_extra": _ASKED,
    "tags": ["tensors"],
}


def _inferred(
    models: Models, body: bytes, json_length: str | None, name: str, version: str | None
) -> tuple[bytes, dict[str, str]]:
    opened = models.open(name, version)
    request = tensors.read(body, json_length, opened.about.inputs, opened.about.outputs)
    names = [tensor.name for tensor in opened.about.outputs]
    outputs: dict[str, Array] = dict(zip(names, _called(opened, request.feeds), strict=True))
    return tensors.answer(request, name, opened.info.version, outputs)


def _called(opened: Opened, feeds: dict[str, Array]) -> list[Array]:
    """Shapes that fit one by one may not fit together: that is the request's fault, and only the graph can tell."""
    try:
        with visit.stage("graph"):
            return opened.graph.run(feeds)
    except Exception as error:  # onnxruntime raises its own classes, which share only this base
        raise RequestError("request.invalid", f"the graph refuses these shapes: {str(error)[:200]}") from None


async def _as_the_protocol(request: Request, error: Exception) -> Response:
    assert isinstance(error, SonantError)
    told = errors.response(error, errors.request_id(request.scope))
    headers = {name: value for name, value in told.headers.items() if name not in ("content-length", "content-type")}
    headers[_CODE] = error.code
    hint = f" ({error.hint})" if error.hint else ""
    return JSONResponse({"error": f"{error.message}{hint}"}, told.status_code, headers)


# ---- Ray ------------------------------------------------------------------------------------------------------------


class Ingress:
    """The replica."""

    def __init__(self, args: dict[str, Any]) -> None:
        self._app: TensorsApp = check(TensorsApp, args)
        self._metrics = Metrics("tensors", "tensors", "2")
        self._api = create_api(self._app, Models(self._app), self._metrics, echo_request_id=False)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return behind_door(self._api, self._app, at_recordings, metrics=self._metrics)

    async def describe(self) -> dict[str, Any]:
        """What the home application shows of this one: its routes, and no model of its own."""
        sleeps = self._app.ingress.least_replicas == 0
        return {"model": None, "openapi": face.openapi(self._api), "sleeps": sleeps, "deployments": ["Ingress"]}

    async def snapshot(self) -> tuple[str, Snapshot]:
        from ray import serve

        return str(serve.get_replica_context().replica_tag), self._metrics.snapshot()


def build(args: dict[str, Any]) -> Application:
    """The application for the `args` of a serve file."""
    from ray import serve

    app: TensorsApp = check(TensorsApp, args, source="serve_apps.tensors")
    check_exposure(app)
    ingress = serve.deployment(name="Ingress", **serve_options(app.ingress))
    return ingress(serve.ingress()(Ingress)).bind(app.model_dump(mode="json"))
