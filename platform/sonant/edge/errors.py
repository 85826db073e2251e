"""Every failure of an HTTP route leaves as the same JSON, with the id of its request.

    {"error": {"code", "message", "hint", "request_id"}}

`Guard` is the middleware that gives each request its id and turns what nobody expected into `server.internal`;
`handlers` are FastAPI's own doors for errors that it raises itself (validation, 404, 405).
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sonant.edge import visit
from sonant.errors import ERRORS, RequestError, SonantError

log = logging.getLogger(__name__)

_GOOD_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CLOSES = frozenset({401, 403, 413, 429, 503})
"""Statuses after which the connection is closed: the rest of a body may still be on its way."""


class Guard:
    """Outermost ASGI layer of an application: request ids in and out, and no exception gets past it.

    Ray Serve's own servers answer with the X-Request-ID header already; `echo` is for running without them.
    """

    def __init__(self, app: ASGIApp, *, echo: bool = True) -> None:
        self.app = app
        self.echo = echo

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        identity = scope["request_id"] = identify(scope)
        if scope["type"] == "websocket":
            return await self.app(scope, receive, send)
        started = False

        async def forward(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                if self.echo:
                    message["headers"] = [*message["headers"], (b"x-request-id", identity.encode())]
            await send(message)

        try:
            await self.app(scope, receive, forward)
        except ClientDisconnect:
            log.debug("request %s: the client went away", identity)
        except Exception as error:
            told = error
            if not isinstance(told, SonantError):
                log.exception("request %s failed", identity)
                told = SonantError("server.internal", "the request could not be answered")
            if started:
                raise
            await response(told, identity)(scope, receive, forward)


def identify(scope: Scope) -> str:
    """The id that an outer layer gave, or that a client sent, if it is fit to be logged and echoed, or a new one."""
    if known := request_id(scope):
        return known
    for name, value in cast(list[tuple[bytes, bytes]], scope["headers"]):
        if name == b"x-request-id" and _GOOD_ID.fullmatch(value):
            return value.decode("ascii")
    return uuid.uuid4().hex


def request_id(scope: Scope) -> str:
    """The id that Guard gave to a request or socket."""
    return cast(str, scope.get("request_id", ""))


def response(error: SonantError, identity: str) -> Response:
    """An error as an HTTP answer; the visit that it ends has its code."""
    visit.here().outcome = error.code
    headers: dict[str, str] = {}
    if error.http_status in _CLOSES:
        headers["Connection"] = "close"
    if error.http_status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "1"
    return JSONResponse(error.body(identity), error.http_status, headers)


def install(app: FastAPI, *, echo_request_id: bool = True) -> None:
    """Gives an application the error format of the platform on every route, known or not."""

    async def on_error(request: Request, error: SonantError) -> Response:
        return response(error, request_id(request.scope))

    async def on_validation(request: Request, error: RequestValidationError) -> Response:
        return response(_invalid(error), request_id(request.scope))

    async def on_http(request: Request, error: HTTPException) -> Response:
        answer = response(_http(request, error), request_id(request.scope))
        answer.headers.update(error.headers or {})
        return answer

    table: dict[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
        SonantError: on_error,
        RequestValidationError: on_validation,
        HTTPException: on_http,
    }
    for kind, handler in table.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(Guard, echo=echo_request_id)


def schema() -> dict[str, Any]:
    """The JSON schema of an error body, for OpenAPI."""
    text = {"type": "string"}
    fields = {
        "code": {**text, "enum": list(ERRORS), "description": "Stable: programs may branch on it."},
        "message": {**text, "description": "What happened, in one sentence."},
        "hint": {**text, "description": "What the caller can do about it."},
        "request_id": {**text, "description": "The X-Request-Id of this answer."},
    }
    inner = {"type": "object", "properties": fields, "required": list(fields)}
    return {"type": "object", "properties": {"error": inner}, "required": ["error"], "title": "Error"}


REQUEST_ID, RETRY_AFTER = "X-Request-Id", "Retry-After"
HEADERS: dict[str, Any] = {
    REQUEST_ID: {
        "description": "What the server's logs know the request by: the client's own, or a new one.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
        "example": "7f3c",
    },
    RETRY_AFTER: {
        "description": "Seconds after which the same request may be taken.",
        "schema": {"type": "integer", "minimum": 0},
        "example": 1,
    },
    "WWW-Authenticate": {"description": "How to show a key.", "schema": {"const": "Bearer"}, "example": "Bearer"},
}
"""Of errors, and the first of all answers: components of an OpenAPI document."""
_OF_STATUS = {401: "WWW-Authenticate", 429: RETRY_AFTER, 503: RETRY_AFTER}


def documented(*codes: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` for the errors that a route can answer with, each with an example."""
    responses: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        meaning = ERRORS[code]
        example = {"error": {"code": code, "message": "...", "hint": meaning.hint, "request_id": "7f3c"}}
        entry = responses.setdefault(
            meaning.http,
            {
                "description": HTTPStatus(meaning.http).phrase,
                "content": {"application/json": {"examples": {}}},
                "headers": {
                    name: {"$ref": f"#/components/headers/{name}"}
                    for name in (REQUEST_ID, _OF_STATUS.get(meaning.http))
                    if name is not None
                },
            },
        )
        entry["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/Error"}
        entry["content"]["application/json"]["examples"][code] = {"value": example}
    return responses


def _invalid(error: RequestValidationError) -> SonantError:
    faults = cast(list[dict[str, Any]], list(error.errors()))
    told = [f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg'].lower()}" for fault in faults]
    return RequestError("request.invalid", "; ".join(told))


def _http(request: Request, error: HTTPException) -> SonantError:
    path = request.url.path
    table = {
        404: ("request.not_found", f"there is no {path}"),
        405: ("request.method", f"{path} does not take {request.method}"),
    }
    code, message = table.get(error.status_code, ("request.invalid", str(error.detail)))
    return RequestError(code, message)
