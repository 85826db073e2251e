"""With keys, every route of every application is shut: the tests walk what is there, and do not list it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute

from serve_apps import home
from sonant.edge import keys
from sonant.edge.door import Door
from sonant.edge.tickets import Tickets

OPEN = {("GET", "/livez"), ("GET", "/readyz"), ("GET", "/"), ("GET", "/docs"), ("GET", "/console/{name}")}
"""Of the home application: health, and files of the console, which are the same for everybody."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "MADEUP")


def filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "app.js", path)


@pytest.fixture
def shut(replicas: Callable[..., list[Any]], key_file: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setattr(home, "SharedTickets", Tickets)  # the shared ones need Ray
    return replicas(keys=key_file)


def test_all_applications_are_walked(shut: list[Any], modules: list[str]) -> None:
    assert {f"serve_apps.{one.name}" for one in shut} == set(modules)
    assert all(isinstance(one.door, Door) for one in shut)
    routes = [route for one in shut for route in one.api.routes]
    assert all(isinstance(route, APIRoute | APIWebSocketRoute) for route in routes), "a kind that is not walked"
    assert sum(isinstance(route, APIRoute) for route in routes) >= 20


def test_no_http_route_answers_without_a_key(shut: list[Any], client: Callable[[Any], Any]) -> None:
    async def walk() -> set[tuple[str, str]]:
        answered: set[tuple[str, str]] = set()
        for replica in shut:
            async with client(replica) as http:
                paths = {route.path for route in replica.api.routes} | {"/nothing", "", "/"}
                for path in sorted(paths):
                    for method in METHODS:
                        answer = await http.request(method, (replica.prefix + filled(path)) or "/")
                        if answer.status_code != 401:
                            assert replica.name == "home"
                            answered.add((method, path or "/"))
                            continue
                        assert method == "HEAD" or answer.json()["error"]["code"] == "request.unauthorized"
                        assert answer.headers["www-authenticate"] == "Bearer"
        return answered

    assert asyncio.run(walk()) == OPEN


def test_no_socket_opens_without_a_key(shut: list[Any], open_socket: Any) -> None:
    async def walk() -> int:
        tried = 0
        for replica in shut:
            paths = {route.path for route in replica.api.routes if isinstance(route, APIWebSocketRoute)} | {"/livez"}
            for path in sorted(paths):
                socket = open_socket(replica, replica.prefix + filled(path))
                await asyncio.wait_for(socket.task, 10)
                assert [message["error"]["code"] for message in socket.told()] == ["request.unauthorized"]
                assert socket.close_code == 1008
                tried += 1
        return tried

    assert asyncio.run(walk()) >= 2 * len(shut)


@pytest.mark.parametrize("right", keys.RIGHTS)
def test_a_right_opens_its_own_routes_alone(
    shut: list[Any], client: Callable[[Any], Any], key_file: str, right: keys.Right
) -> None:
    made, token = keys.create(right, (right,))
    keys.add(key_file, made)

    async def walk() -> set[tuple[str, int]]:
        found: set[tuple[str, int]] = set()
        for replica in shut:
            door = replica.door
            door._keyring._look_at = 0.0
            async with client(replica) as http:
                header = {"authorization": f"Bearer {token}"}
                for route in replica.api.routes:
                    for method in getattr(route, "methods", ()):
                        url = replica.prefix + filled(route.path)
                        answer = await http.request(method, url or "/", headers=header)
                        need = door._rule({"type": "http", "method": method, "path": url, "root_path": replica.prefix})
                        may = need in (right, "a key", "nothing")
                        assert (answer.status_code not in (401, 403)) == may, (method, url)
                        found.add((need, answer.status_code))
        return found

    answers = asyncio.run(walk())
    assert any(status == 403 for _, status in answers)
    assert any(need in (right, "a key") for need, status in answers if status not in (401, 403))


def test_keys_of_one_line_are_not_in_what_is_logged(
    shut: list[Any], client: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")

    async def ask() -> None:
        async with client(shut[0]) as http:
            await http.post(shut[0].prefix, headers={"authorization": "Bearer sonant_secret"}, content=b"x")

    asyncio.run(ask())
    assert "sonant_secret" not in caplog.text
