"""The outermost layer: one line for each request, ids and traces in and out, nothing that is nobody's business."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import Request, WebSocket
from starlette.requests import ClientDisconnect

from sonant.edge import face, visit
from sonant.edge.metrics import Metrics
from sonant.edge.watch import Watch
from sonant.errors import AudioError

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
Fields = dict[str, Any]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("classify", "words", "v1")


@pytest.fixture
def app(metrics: Metrics) -> Watch:
    api = face.create("test")

    @api.post("/hear/{name}")
    async def hear(name: str, request: Request) -> dict[str, str]:
        with metrics.timed_request(), visit.stage("decode"):
            body = await request.body()
            if body == b"bad":
                raise AudioError("audio.undecodable", "no")
            if body == b"bug":
                raise KeyError("a secret")
            if body == b"left":
                raise ClientDisconnect
            metrics.heard(2.0)
        return {}

    @api.get("/info")
    async def info() -> dict[str, str]:
        return {}

    @api.websocket("/stream")
    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close(1000)

    face.refuse_other_sockets(api)
    return Watch(api, metrics)


def ask(app: Any, method: str, path: str, body: bytes = b"", **headers: str) -> httpx.Response:
    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.request(method, path, content=body, headers=headers)

    return asyncio.run(run())


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[Fields]]:
    caplog.set_level(logging.INFO, "sonant.events")
    return lambda: [vars(record) for record in caplog.records if record.name == "sonant.events"]


def counted(metrics: Metrics, name: str) -> dict[str, float]:
    """Values of a family by outcome."""
    return {
        labels.get("outcome", ""): value
        for _, _, _, samples in metrics.snapshot()
        for sample, labels, value in samples
        if sample == name
    }


def test_a_request_is_one_line(app: Watch, lines: Callable[[], list[Fields]]) -> None:
    answer = ask(app, "POST", "/hear/anna", b"x", **{"X-Request-Id": "abc-1"})
    assert answer.headers["x-request-id"] == "abc-1"
    [line] = lines()
    told = {name: line.get(name) for name in ("event", "request_id", "method", "route", "status", "outcome", "audio_s")}
    assert told == {
        "event": "request", "request_id": "abc-1", "method": "POST", "route": "/hear/{name}", "status": 200,
        "outcome": "ok", "audio_s": 2.0,
    }  # fmt: skip
    assert (line["task"], line["model"], line["version"]) == ("classify", "words", "v1")
    assert 0 < line["decode_s"] <= line["seconds"]
    assert "anna" not in str(line["msg"])


@pytest.mark.parametrize(
    ("body", "status", "outcome", "level"),
    [
        (b"bad", 422, "audio.undecodable", "INFO"),
        (b"bug", 500, "server.internal", "WARNING"),
        (b"left", 0, "gone", "INFO"),
    ],
)
def test_every_end_has_its_outcome(
    app: Watch, metrics: Metrics, lines: Callable[[], list[Fields]], body: bytes, status: int, outcome: str, level: str
) -> None:
    if status:
        answer = ask(app, "POST", "/hear/a", body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, outcome)
        assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]
    else:
        with pytest.raises(AssertionError):  # httpx misses the answer
            ask(app, "POST", "/hear/a", body)
    [line] = lines()
    assert (line["outcome"], line["levelname"], line.get("status", 0)) == (outcome, level, status)
    assert counted(metrics, "sonant_requests_total") == {outcome: 1}
    rejects = counted(metrics, "sonant_decode_rejects_total")
    assert rejects == ({outcome: 1} if outcome.startswith("audio.") else {})


def test_what_is_refused_before_it_is_begun_is_counted_and_not_timed(app: Watch, metrics: Metrics) -> None:
    assert ask(app, "POST", "/nowhere").status_code == 404
    assert counted(metrics, "sonant_requests_total") == {"request.not_found": 1}
    assert counted(metrics, "sonant_request_seconds_count") == {"": 0}


def test_reading_is_told_only_to_those_who_debug(
    app: Watch, metrics: Metrics, lines: Callable[[], list[Fields]], caplog: pytest.LogCaptureFixture
) -> None:
    ask(app, "GET", "/info")
    assert lines() == []
    caplog.set_level(logging.DEBUG, "sonant.events")
    ask(app, "GET", "/info")
    assert [line["route"] for line in lines()] == ["/info"]
    assert counted(metrics, "sonant_requests_total") == {}


@pytest.mark.parametrize("bad", ["a b", "x" * 65, "<script>", "a%0d%0aSet-Cookie: b"])
def test_an_id_that_is_not_fit_is_replaced_everywhere_alike(
    app: Watch, lines: Callable[[], list[Fields]], bad: str
) -> None:
    answer = ask(app, "POST", "/hear/a", b"bad", **{"X-Request-Id": bad})
    identity = answer.headers["x-request-id"]
    assert identity != bad
    assert [line["request_id"] for line in lines()] == [identity] == [answer.json()["error"]["request_id"]]


@pytest.mark.parametrize(
    ("parent", "given"),
    [
        (PARENT, PARENT),
        ("", None),
        ("garbage", None),
        (PARENT.replace("00-", "ff-", 1), None),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", None),
        (PARENT.upper(), None),
    ],
)
def test_a_traceparent_goes_back_as_it_came_when_it_is_one(
    app: Watch, lines: Callable[[], list[Fields]], parent: str, given: str | None
) -> None:
    answer = ask(app, "POST", "/hear/a", b"x", **({"traceparent": parent} if parent else {}))
    assert answer.headers.get("traceparent") == given
    assert [line.get("trace_id") for line in lines()] == [given and given[3:35]]


def test_work_for_a_second_of_sound_is_observed(app: Watch, metrics: Metrics) -> None:
    ask(app, "POST", "/hear/a", b"x")
    assert counted(metrics, "sonant_real_time_factor_count") == {"": 1}
    assert counted(metrics, "sonant_decode_seconds_count") == {"": 1}
    assert counted(metrics, "sonant_queue_seconds_count") == {"": 0}
    assert counted(metrics, "sonant_audio_seconds_total") == {"": 2}


def test_a_socket_that_leads_nowhere_is_a_session_refused(
    app: Watch, metrics: Metrics, lines: Callable[[], list[Fields]]
) -> None:
    said: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        said.append(message)

    call: Callable[..., Awaitable[None]] = app
    headers = [(b"traceparent", PARENT.encode()), (b"x-request-id", b"sock-1")]
    scope = {"type": "websocket", "path": "/nothing", "query_string": b"", "headers": headers, "subprotocols": []}
    asyncio.run(call(scope, receive, send))
    [line] = lines()
    assert (line["event"], line["outcome"], line["request_id"]) == ("session.refused", "request.not_found", "sock-1")
    assert counted(metrics, "sonant_sessions_rejected_total") == {"request.not_found": 1}
    assert (b"traceparent", PARENT.encode()) in said[0]["headers"]
    assert "sock-1" in said[1]["text"]


def test_what_is_no_request_passes() -> None:
    seen: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(Watch(inner)({"type": "lifespan"}, None, None))  # pyright: ignore[reportArgumentType]
    assert seen == ["lifespan"]
