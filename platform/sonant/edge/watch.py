"""The outermost layer of an application: each request and socket gets its id here, and is logged, traced and counted
when it is over, also where the door did not let it in.

Successful GETs are logged at DEBUG: health checks, scrapers and consoles ask every few seconds.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Any, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sonant.edge import logs, visit
from sonant.edge.door import key_of_scope
from sonant.edge.errors import identify
from sonant.edge.metrics import Metrics
from sonant.edge.tracing import Tracer, parent_of, trace_id

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Watch:
    """Sees what goes in and out of `app`; without metrics, what is refused is not counted."""

    def __init__(self, app: ASGIApp, metrics: Metrics | None = None, tracer: Tracer | None = None) -> None:
        self.app = app
        self._metrics, self._tracer = metrics, tracer
        self._labels = {} if metrics is None else metrics.labels

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        here = visit.Visit(identify(scope))
        scope["request_id"] = here.request_id
        parent = parent_of(scope)
        span = None if self._tracer is None else self._tracer.begin(parent)
        given = parent if span is None else span.traceparent
        status = 0

        async def forward(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.accept"):
                status = message.get("status", HTTPStatus.SWITCHING_PROTOCOLS)
                if given:
                    message["headers"] = [*message.get("headers", ()), (b"traceparent", given.encode())]
            await send(message)

        failed = ""
        try:
            with visit.entered(here):
                await self.app(scope, receive, forward)
        except asyncio.CancelledError:
            failed = "gone"
            raise
        except Exception:
            failed = "server.internal"
            raise
        finally:
            here.outcome = failed or here.outcome or _outcome(status)
            self._count(scope, here, status)
            level = _level(scope, status)
            if span is not None or logs.log.isEnabledFor(level):
                fields = {**self._fields(scope, here, status), "trace_id": trace_id(given)}
                logs.event(_name(scope, here), fields, level)
                if span is not None:
                    span.end(f"{fields['method']} {fields['route']}", here, fields)

    def _count(self, scope: Scope, here: visit.Visit, status: int) -> None:
        """What nobody has counted yet, because it came to nothing."""
        if self._metrics is None or here.counted:
            return
        if scope["type"] == "websocket":
            self._metrics.session_rejected(here.outcome)
        elif status >= HTTPStatus.BAD_REQUEST:
            self._metrics.refused(here.outcome)

    def _fields(self, scope: Scope, here: visit.Visit, status: int) -> dict[str, Any]:
        key = key_of_scope(scope)
        method = scope.get("method", "GET")
        return {
            "request_id": here.request_id,
            "session": here.session,
            "key": None if key is None else key.id,
            "method": method if method in _METHODS else "OTHER",
            "route": _route(scope),
            "status": status or None,
            **(here.labels or self._labels),
            "outcome": here.outcome,
            "seconds": here.age_s,
            "audio_s": here.audio_s or None,
            "queue_s": here.spent("queue"),
            "decode_s": here.spent("decode"),
            "graph_s": here.spent("graph"),
        }


def _route(scope: Scope) -> str:
    """The route as it is documented: what stands in the path itself, ids for instance, is nobody's business."""
    prefix, path = cast(str, scope.get("root_path", "")), cast(str, scope["path"])
    template = cast("str | None", getattr(scope.get("route"), "path", None))
    if template is None:
        return prefix if path == prefix else f"{prefix}/?"
    return f"{prefix}{template}"


def _name(scope: Scope, here: visit.Visit) -> str:
    if scope["type"] == "http":
        return "request"
    return "session.ended" if here.session else "session.refused"


def _outcome(status: int) -> str:
    """How it ended, where nobody has said."""
    if not status:
        return "gone"
    return "ok" if status < HTTPStatus.BAD_REQUEST else f"http.{status}"


def _level(scope: Scope, status: int) -> int:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return logging.WARNING
    read = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
    return logging.DEBUG if read and 0 < status < HTTPStatus.BAD_REQUEST else logging.INFO
