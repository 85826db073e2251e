"""Every failure of a route is the same JSON, with the request's id."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Query

from sonant.edge import errors
from sonant.errors import ERRORS, AudioError, SonantError

FIELDS = {"code", "message", "hint", "request_id"}


@pytest.fixture
def app() -> FastAPI:
    api = FastAPI()
    errors.install(api)

    @api.get("/known/{code}")
    async def known(code: str) -> None:
        raise SonantError(code, "told so")

    @api.get("/unexpected")
    async def unexpected() -> None:
        raise ZeroDivisionError("a secret")

    @api.get("/number")
    async def number(n: Annotated[int, Query(ge=1)]) -> int:
        return n

    return api


def ask(
    app: FastAPI, method: str, path: str, headers: dict[str, str] | dict[str, bytes] | None = None
) -> httpx.Response:
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(run())


@pytest.mark.parametrize("code", ERRORS)
def test_every_code_becomes_its_status_and_body(app: FastAPI, code: str) -> None:
    answer = ask(app, "GET", f"/known/{code}")
    error = answer.json()["error"]
    assert answer.status_code == ERRORS[code].http
    assert set(error) == FIELDS
    assert (error["code"], error["message"], error["hint"]) == (code, "told so", ERRORS[code].hint)
    assert error["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "part"),
    [
        ("GET", "/nowhere", 404, "request.not_found", "/nowhere"),
        ("POST", "/number", 405, "request.method", "POST"),
        ("GET", "/number?n=many", 422, "request.invalid", "query.n"),
        ("GET", "/number", 422, "request.invalid", "query.n"),
    ],
)
def test_the_frameworks_own_errors_have_the_form_too(
    app: FastAPI, method: str, path: str, status: int, code: str, part: str
) -> None:
    answer = ask(app, method, path)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == FIELDS
    assert answer.json()["error"]["code"] == code
    assert part in answer.json()["error"]["message"]


def test_a_wrong_method_is_told_which_are_right(app: FastAPI) -> None:
    assert ask(app, "POST", "/number").headers["allow"] == "GET"


def test_the_unexpected_is_logged_and_not_shown(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = ask(app, "GET", "/unexpected", {"X-Request-Id": "abc-1"})
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "server.internal"
    assert answer.json()["error"]["request_id"] == "abc-1"
    assert "a secret" not in answer.text
    assert "abc-1" in caplog.text
    assert "ZeroDivisionError: a secret" in caplog.text


@pytest.mark.parametrize("bad", ["", "a b", "x" * 65, "<script>", "a%0d%0aSet-Cookie: b", "\u00e9"])
def test_ids_that_are_not_fit_to_be_echoed_are_replaced(app: FastAPI, bad: str) -> None:
    answer = ask(app, "GET", "/number?n=1", {"X-Request-Id": bad.encode()})
    assert answer.headers["x-request-id"] != bad
    assert len(answer.headers["x-request-id"]) == 32


def test_behind_a_server_that_echoes_the_id_it_is_not_sent_twice() -> None:
    api = FastAPI()
    errors.install(api, echo_request_id=False)
    assert "x-request-id" not in ask(api, "GET", "/nowhere").headers


def test_a_connection_with_an_unread_body_is_closed() -> None:
    assert errors.response(AudioError("audio.too_big", "too big"), "1").headers["connection"] == "close"


def test_a_full_server_says_when_to_come_back() -> None:
    assert errors.response(SonantError("server.full", "full"), "1").headers["retry-after"] == "1"


def test_documented_errors_have_examples_by_status() -> None:
    found = errors.documented("audio.empty", "audio.undecodable", "audio.too_big")
    assert set(found) == {422, 413}
    assert set(found[422]["content"]["application/json"]["examples"]) == {"audio.empty", "audio.undecodable"}
