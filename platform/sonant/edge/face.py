"""The FastAPI application that every audio route of ours starts from: errors, limits and documentation are the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from sonant.edge import errors
from sonant.edge.body import FIELD
from sonant.edge.door import Rule, at_recordings
from sonant.edge.explain import explain
from sonant.edge.live import Live
from sonant.edge.openapi import complete
from sonant.edge.protocol import json_schemas
from sonant.errors import ModelError, RequestError

UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "wav, flac, mp3, ogg, webm or m4a: told by its bytes, not by its name.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {FIELD: {"type": "string", "format": "binary"}},
                    "required": [FIELD],
                }
            },
            "audio/*": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
"""OpenAPI of a route that takes a recording."""


def upload(texts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """OpenAPI of a route that takes a recording and, in the form that holds it, words; `texts` are their schemas."""
    told = deepcopy(UPLOAD)
    told["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"] |= texts
    return told


def form(
    files: Mapping[str, int], texts: Mapping[str, Mapping[str, Any]] | None = None, *, required: Sequence[str] = ()
) -> dict[str, Any]:
    """OpenAPI of a route that takes a multipart form: of each of `files` at most so many recordings, and words, with
    their schemas."""
    recording = {"type": "string", "format": "binary"}
    fields: dict[str, Any] = {
        name: recording if most == 1 else {"type": "array", "items": recording, "maxItems": most}
        for name, most in files.items()
    }
    fields |= texts or {}
    schema = {"type": "object", "properties": fields, "required": list(required)}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


UPLOAD_ERRORS = (
    "audio.empty", "audio.undecodable", "audio.not_finite", "audio.unsupported", "audio.too_big", "audio.too_long",
    "request.invalid", "request.too_slow", "server.full",
)  # fmt: skip
"""What such a route can answer instead."""


def create(title: str, *, echo_request_id: bool = True) -> FastAPI:
    """An empty application; `echo_request_id` is off where the server in front answers with X-Request-Id itself."""
    api = FastAPI(title=title, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    errors.install(api, echo_request_id=echo_request_id)
    return api


def add_stream(api: FastAPI, live: Live[Any] | None) -> None:
    """The socket of live sessions at /stream. Without `live` (the bundle cannot stream) the socket says so."""

    @api.websocket("/stream")
    async def stream(socket: WebSocket) -> None:
        if live is None:
            await _refuse(socket, ModelError("model.no_stream", "the model that is served here cannot run live"))
        else:
            await live.serve(socket)

    @api.get(
        "/stream",
        summary="A live session over a WebSocket",
        status_code=101,
        response_description="The socket is open: send a start message, then audio as binary messages.",
        responses=errors.documented("request.upgrade"),
        openapi_extra={"x-websocket": json_schemas()},
    )
    async def upgrade(request: Request) -> None:
        """Start message first, then audio as binary messages of any size; `x-websocket` has the messages' schemas."""
        raise RequestError("request.upgrade", f"{request.url.path} is a WebSocket")

    refuse_other_sockets(api)


def refuse_other_sockets(api: FastAPI) -> None:
    """Sockets on paths that are not there get an error message, too, and not just a failed handshake."""

    @api.websocket("/{path:path}")
    async def unknown(socket: WebSocket, path: str) -> None:
        await _refuse(socket, RequestError("request.not_found", f"there is no session at {socket.url.path}"))


def with_hot_route(
    api: FastAPI, path: str, answer: Callable[[Request], Awaitable[Response]], *, echo_request_id: bool = True
) -> ASGIApp:
    """The application with one POST route, when asked without a query, taken past the framework's dozen layers.

    They cost a fifth of a short request. `answer` must do what the route of that path in `api` does: that one stays for
    the documentation and for requests with a query. Errors have the same form on both ways.
    """

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        await (await answer(Request(scope, receive)))(scope, receive, send)

    hot = errors.Guard(endpoint, echo=echo_request_id)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        taken = (
            scope["type"] == "http"
            and scope["method"] == "POST"
            and not scope["query_string"]
            and scope["path"].removeprefix(scope.get("root_path", "")) == path
        )
        await (hot if taken else api)(scope, receive, send)

    return app


def openapi(api: FastAPI, rule: Rule = at_recordings) -> dict[str, Any]:
    """The application's OpenAPI, below its prefix; the rule is that of its door."""
    return complete(api, rule)


def example(told: BaseModel) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` of a route that answers with this."""
    return {200: {"content": {"application/json": {"example": told.model_dump(mode="json")}}}}


async def _refuse(socket: WebSocket, error: RequestError | ModelError) -> None:
    await socket.accept()
    await explain(socket, error)
