"""How a socket is told why it closes: an error message first, then the close code."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from sonant.edge import visit
from sonant.edge.errors import request_id
from sonant.edge.protocol import error_message
from sonant.errors import SonantError

GOODBYE_S = 2.0
"""How long a client may take to read why it is being closed."""


async def explain(socket: WebSocket, error: SonantError) -> None:
    """Says why a session ends, then closes with the error's code, unless the client has left or does not read."""
    with contextlib.suppress(WebSocketDisconnect, TimeoutError):
        if socket.application_state is not WebSocketState.CONNECTED:
            return
        async with asyncio.timeout(GOODBYE_S):
            visit.here().outcome = error.code
            await socket.send_text(error_message(error, request_id(socket.scope)).text())
            await socket.close(error.ws_close, error.code)
