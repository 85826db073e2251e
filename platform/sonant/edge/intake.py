"""Middleware of the server itself, in front of what Ray Serve does with a request.

Serve reads a request's body, and a socket's messages, ahead into a queue without a bound, so that it can notice a
client that goes away. A fast sender could fill the replica's memory that way before any limit of ours is looked at.
Serve leaves that out when a request asks it to (the header below); then bytes are only read when the application asks
for more, and TCP holds the sender back. It also spares a task a request. Our own code notices clients that leave.

Serve finds this through the environment (`cluster.haproxy`): RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH.
"""

from __future__ import annotations

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from sonant.edge.errors import identify

_READ_ON_DEMAND = (b"x-request-disconnect-disabled", b"?1")
_OURS = frozenset({_READ_ON_DEMAND[0], b"x-request-id", b"x-request-timeout-seconds"})


class Intake:
    """Turns reading ahead off, and replaces request ids that are not fit to be logged and echoed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            identity = (b"x-request-id", identify(scope).encode())
            others = [header for header in scope["headers"] if header[0] not in _OURS]
            scope["headers"] = [*others, identity, _READ_ON_DEMAND]
        await self.app(scope, receive, send)


def middlewares() -> list[Middleware]:
    """What Ray Serve asks for."""
    return [Middleware(Intake)]
