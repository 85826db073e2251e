"""Ray Serve application: the graphs of bundles in the open inference protocol (KServe v2), for clients that speak it.

A model is a bundle's main graph; its other graphs are models of their own, named after their role: words.step takes
a live stream's chunk and state, voice.enroll a reference. A replica opens a bundle when it is first asked for and holds
the latest ones. The protocol wants errors as {"error": "..."}; the code stands in the header X-Error-Code.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from serve_apps.guard import behind_door, check_exposure
from serve_apps.options import serve_options
from sonant.config.load import check
from sonant.config.serve import TensorsApp
from sonant.edge import errors, face, tensors
from sonant.edge.body import Uploads
from sonant.edge.door import at_recordings
from sonant.edge.metrics import Metrics, Snapshot
from sonant.errors import ModelError, RequestError, SonantError
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

    @api.get("", summary="The server", tags=["tensors"])
    async def server() -> dict[str, Any]:
        return {"name": NAME, "version": "2", "extensions": ["binary_tensor_data"], "models": models.names}

    @api.get("/health/live", summary="Whether this process answers", tags=["tensors"])
    async def live() -> dict[str, bool]:
        return {"live": True}

    @api.get("/health/ready", summary="Whether every bundle has been read and verified", tags=["tensors"])
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
        async with turn:
            return await asyncio.to_thread(call, *arguments)

    _add(api, "", "What a model takes and gives", metadata)
    _add(api, "/ready", "Whether a model is loaded: it is, after this", model_ready)
    _add(api, "/infer", "Run a model", infer, method="POST")
    face.refuse_other_sockets(api)
    return api


def _add(api: FastAPI, path: str, summary: str, answer: Callable[..., Awaitable[Any]], method: str = "GET") -> None:
    """A route of a model, with and without its version."""
    responses = errors.documented("model.unknown", "request.invalid", "audio.too_big", "server.full")
    for where in ("/models/{name}", "/models/{name}/versions/{version}"):
        extra = _INFER if method == "POST" else None
        api.add_api_route(
            where + path, answer, methods=[method], summary=summary, tags=["tensors"], responses=responses,
            response_model=None, openapi_extra=extra,
        )  # fmt: skip


_INFER: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": tensors.Ask.model_json_schema()},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
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
        return opened.graph.run(feeds)
    except Exception as error:  # onnxruntime raises its own classes, which share only this base
        raise RequestError("request.invalid", f"the graph refuses these shapes: {str(error)[:200]}") from None


async def _as_the_protocol(request: Request, error: Exception) -> Response:
    assert isinstance(error, SonantError)
    told = errors.response(error, errors.request_id(request.scope))
    headers = {name: value for name, value in told.headers.items() if name not in ("content-length", "content-type")}
    headers["X-Error-Code"] = error.code
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
        return behind_door(self._api, self._app, at_recordings)

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
