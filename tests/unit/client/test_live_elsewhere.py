"""The client of live sessions, and replicas that are full: it asks for another one, and soon gives up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from sonant.client.live import SESSION_HEADER, LiveClient
from sonant.errors import RequestError

READY = {"type": "ready", "session": "s", "model": "m@1", "resume": "t", "messages": 0}


async def names_of(connections: Sequence[str]) -> tuple[list[str], list[Any]]:
    """The names that a client gave on its connections, each of which fares as it is said here, and all answers."""
    names: list[str] = []

    async def handle(socket: ServerConnection) -> None:
        assert socket.request is not None
        fate = connections[len(names)]
        names.append(socket.request.headers[SESSION_HEADER])
        await socket.recv()
        if fate in ("server.full", "server.draining"):
            error = {"code": fate, "message": "no room", "hint": "", "request_id": ""}
            await socket.send(json.dumps({"type": "error", "error": error}))
            return await socket.close(1013)
        await socket.send(json.dumps(READY))
        if fate == "lost":
            return socket.transport.abort()
        await socket.send('{"type": "done", "audio_s": 0}')
        return await socket.close(1000)

    async with serve(handle, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with LiveClient(f"http://127.0.0.1:{port}/x", {}) as client:
            try:
                return names, [answer["type"] async for answer in client]  # type: ignore[call-overload, index]
            except RequestError as error:
                return names, [error.code]


def run(*connections: str) -> tuple[list[str], list[Any]]:
    return asyncio.run(names_of(connections))


def test_a_lost_session_keeps_its_name() -> None:
    names, answers = run("lost", "lost", "done")
    assert answers == ["ready", "done"]
    assert len(set(names)) == 1


@pytest.mark.parametrize("code", ["server.full", "server.draining"])
def test_where_there_is_no_room_another_replica_is_asked(code: str) -> None:
    names, answers = run("lost", code, "done")
    assert answers == ["ready", "done"]
    assert names[0] == names[1] != names[2]


def test_a_session_that_has_not_begun_is_tried_three_times() -> None:
    names, answers = run("server.full", "server.full", "done")
    assert answers == ["ready", "done"]
    assert len(set(names)) == 3
    names, answers = run("server.full", "server.full", "server.full")
    assert answers == ["server.full"]
    assert len(names) == 3
