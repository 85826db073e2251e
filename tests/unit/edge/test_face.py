"""What all audio applications have in common at their doors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from sonant.edge import face

Run = Callable[..., Any]


@pytest.fixture
def deaf(run_app: Run) -> Any:
    """An application whose bundle cannot stream."""
    api = face.create("test")
    face.add_stream(api, None)
    with run_app(api) as url:
        yield url


@pytest.mark.parametrize(
    ("path", "code", "close"), [("/stream", "model.no_stream", 1008), ("/else/where", "request.not_found", 1008)]
)
def test_sockets_that_lead_nowhere_say_so(deaf: str, path: str, code: str, close: int) -> None:
    with connect(f"ws{deaf.removeprefix('http')}{path}", open_timeout=10) as client:
        assert json.loads(client.recv(timeout=10))["error"]["code"] == code
        with pytest.raises(Exception, match=code):
            client.recv(timeout=10)
        assert client.close_code == close


def test_a_plain_request_to_a_socket_is_told_to_upgrade(deaf: str) -> None:
    answer = httpx.get(f"{deaf}/stream")
    assert answer.status_code == 426
    assert answer.json()["error"]["code"] == "request.upgrade"


def test_the_socket_is_documented() -> None:
    api = face.create("test")
    face.add_stream(api, None)
    document = face.openapi(api)
    operation = document["paths"]["/stream"]["get"]
    assert {"client", "server"} == set(operation["x-websocket"])
    assert "426" in operation["responses"]
    assert document["components"]["schemas"]["Error"]["required"] == ["error"]
