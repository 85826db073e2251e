"""Who comes in: keys, rights, tickets and limits, over HTTP and sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Request, WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from sonant.edge import face, keys
from sonant.edge.door import Door, at_home, at_recordings, at_speakers, key_of
from sonant.edge.keys import Keyring
from sonant.edge.tickets import Tickets


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Server:
    """An application of three routes behind a door, and keys to it."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path, self.clock, self.tickets = str(path), clock, Tickets(clock)
        self.tokens: dict[str, str] = {}
        self.url = ""

    def key(self, name: str, rights: str, **limits: float) -> dict[str, str]:
        """Makes a key; gives the header that shows it."""
        made, token = keys.create(name, keys.rights(rights), **limits)
        keys.add(self.path, made)
        self.tokens[name] = token
        self.clock.now += 1.1  # the file is looked at once a second
        return {"authorization": f"Bearer {token}"}

    def door(self, rule: Any) -> Door:
        api = face.create("test")

        @api.get("/info")
        async def info(request: Request) -> str:
            key = key_of(request)
            return "" if key is None else key.name

        @api.post("")
        async def post() -> str:
            return "heard"

        @api.websocket("/stream")
        async def stream(socket: WebSocket) -> None:
            await socket.accept()
            await socket.send_text("hello")
            await socket.close()

        return Door(api, Keyring(self.path, clock=self.clock), rule, self.tickets, clock=self.clock)


@pytest.fixture
def start(tmp_path: Path, run_app: Callable[..., Any]) -> Generator[Callable[..., Server]]:
    with ExitStack() as stack:

        def run(rule: Any = at_recordings) -> Server:
            server = Server(tmp_path / "keys.json", Clock())
            server.key("first", "admin")
            server.url = stack.enter_context(run_app(server.door(rule), "/v1/x"))
            return server

        yield run


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def socket_says(url: str, headers: dict[str, str] | None = None) -> tuple[str, int]:
    """The first message, or its error code, and the close code."""
    with connect(f"ws{url.removeprefix('http')}/stream", additional_headers=headers, open_timeout=10) as client:
        message = str(client.recv(timeout=10))
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=10)
        code = client.close_code
        assert code is not None
    return json.loads(message)["error"]["code"] if message.startswith("{") else message, code


def test_a_key_opens_what_it_has_a_right_to(start: Callable[..., Server]) -> None:
    server = start()
    infer, stream = server.key("a", "infer"), server.key("b", "stream")
    assert httpx.post(server.url, headers=infer).json() == "heard"
    assert httpx.get(f"{server.url}/info", headers=infer).json() == "a"
    assert told(httpx.post(server.url, headers=stream)) == (403, "request.forbidden")
    assert httpx.get(f"{server.url}/info", headers=stream).json() == "b"
    assert socket_says(server.url, stream) == ("hello", 1000)
    assert socket_says(server.url, infer) == ("request.forbidden", 1008)


@pytest.mark.parametrize("shown", ["", "Bearer", "Basic TOKEN", "TOKEN", "Bearer x", "Bearer TOKENx", "\xff"])
def test_everything_else_stays_outside(start: Callable[..., Server], shown: str) -> None:
    server = start()
    server.key("a", "infer,stream,enrol,admin")
    header = {"authorization": shown.replace("TOKEN", server.tokens["a"]).encode("latin-1")} if shown else {}
    answer = httpx.post(server.url, headers=header)
    assert told(answer) == (401, "request.unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["x-request-id"] == answer.json()["error"]["request_id"]
    assert httpx.get(f"{server.url}/nothing", headers=header).status_code == 401, "nor is told what there is"


def test_no_key_is_taken_from_an_address(start: Callable[..., Server]) -> None:
    server = start()
    server.key("a", "infer,stream")
    token = server.tokens["a"]
    for name in ("key", "token", "api_key", "access_token", "authorization", "ticket"):
        assert httpx.get(f"{server.url}/info?{name}={token}").status_code == 401


def test_sockets_without_a_key_are_told_first(start: Callable[..., Server]) -> None:
    assert socket_says(start().url) == ("request.unauthorized", 1008)


def test_a_ticket_opens_one_socket(start: Callable[..., Server]) -> None:
    import asyncio

    server = start()
    server.key("a", "stream")
    identity = keys.read(server.path).keys[-1].id
    ticket = asyncio.run(server.tickets.issue(identity))
    url = f"ws{server.url.removeprefix('http')}/stream?ticket={ticket}"
    with connect(url, open_timeout=10) as client:
        assert client.recv(timeout=10) == "hello"
    with connect(url, open_timeout=10) as client:
        assert json.loads(client.recv(timeout=10))["error"]["code"] == "request.unauthorized"
    revoked = asyncio.run(server.tickets.issue(identity))
    keys.revoke(server.path, "a")
    server.clock.now += 1.1
    with connect(url.replace(ticket, revoked), open_timeout=10) as client:
        assert json.loads(client.recv(timeout=10))["error"]["code"] == "request.unauthorized"


def test_a_ticket_is_of_no_use_over_http(start: Callable[..., Server]) -> None:
    import asyncio

    server = start()
    server.key("a", "infer,stream")
    ticket = asyncio.run(server.tickets.issue(keys.read(server.path).keys[-1].id))
    assert httpx.get(f"{server.url}/info?ticket={ticket}").status_code == 401


def test_too_many_requests_wait(start: Callable[..., Server]) -> None:
    server = start()
    header = server.key("a", "infer,stream", requests_per_min=2)
    first = httpx.post(server.url, headers=header)
    assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("2", "1")
    httpx.post(server.url, headers=header)
    answer = httpx.post(server.url, headers=header)
    assert told(answer) == (429, "request.quota")
    assert (answer.headers["retry-after"], answer.headers["ratelimit-remaining"]) == ("30", "0")
    assert socket_says(server.url, header) == ("request.quota", 4429)
    other = server.key("b", "infer")
    assert httpx.post(server.url, headers=other).status_code == 200
    server.clock.now += 60
    assert httpx.post(server.url, headers=header).status_code == 200


def test_guessing_is_slowed_and_holders_of_keys_notice_nothing(start: Callable[..., Server]) -> None:
    server = start()
    header = server.key("a", "infer")
    with httpx.Client(headers={"authorization": "Bearer guess"}) as client:
        answers = [client.get(f"{server.url}/info").status_code for _ in range(102)]
    assert answers == [401] * 100 + [429] * 2
    assert httpx.post(server.url, headers=header).status_code == 200


def test_changed_limits_hold_at_once(start: Callable[..., Server]) -> None:
    server = start()
    header = server.key("a", "infer", requests_per_min=1)
    httpx.post(server.url, headers=header)
    assert httpx.post(server.url, headers=header).status_code == 429
    file = keys.read(server.path)
    changed = tuple(key.model_copy(update={"requests_per_min": 5.0}) for key in file.keys)
    keys._write(server.path, file.model_copy(update={"keys": changed}))
    server.clock.now += 1.1
    assert httpx.post(server.url, headers=header).status_code == 200


def test_without_keys_everybody_passes(tmp_path: Path, run_app: Callable[..., Any]) -> None:
    api = face.create("test")
    api.get("/info")(lambda: "hello")
    with run_app(Door(api, None, at_recordings, Tickets())) as url:
        assert httpx.get(f"{url}/info").json() == "hello"


@pytest.mark.parametrize(
    ("rule", "method", "path", "need"),
    [
        (at_recordings, "POST", "/v1/x", "infer"),
        (at_recordings, "DELETE", "/v1/x/y", "infer"),
        (at_recordings, "GET", "/v1/x/info", "a key"),
        (at_recordings, "WS", "/v1/x/stream", "stream"),
        (at_speakers, "GET", "/v1/x", "enrol"),
        (at_speakers, "WS", "/v1/x", "enrol"),
        (at_home, "GET", "/v1/x/livez", "nothing"),
        (at_home, "GET", "/v1/x/console/app.js", "nothing"),
        (at_home, "POST", "/v1/x/livez", "admin"),
        (at_home, "GET", "/v1/x/metrics", "admin"),
        (at_home, "GET", "/v1/x/metrics/", "a key"),
        (at_home, "GET", "/v1/x/v1/models", "a key"),
        (at_home, "POST", "/v1/x/v1/tickets", "stream"),
        (at_home, "WS", "/v1/x/livez", "stream"),
    ],
)
def test_what_each_route_needs(rule: Any, method: str, path: str, need: str) -> None:
    scope = {"type": "websocket" if method == "WS" else "http", "method": method, "path": path, "root_path": "/v1/x"}
    assert rule(scope) == need
