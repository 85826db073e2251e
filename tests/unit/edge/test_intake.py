"""The layer in front of Serve: no reading ahead, and only ids that are fit to be echoed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sonant.edge.intake import Intake, middlewares


def headers_after(kind: str, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)

    async def nothing(message: Any = None) -> Any:
        raise AssertionError("the layer neither reads nor sends")

    asyncio.run(Intake(app)({"type": kind, "headers": headers}, nothing, nothing))
    return seen["headers"]


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_reading_ahead_is_turned_off_whatever_the_client_says(kind: str) -> None:
    asked = [(b"x-request-disconnect-disabled", b"?0"), (b"accept", b"*/*"), (b"x-request-timeout-seconds", b"0.001")]
    after = headers_after(kind, asked)
    assert dict(after)[b"x-request-disconnect-disabled"] == b"?1"
    assert [name for name, _ in after].count(b"x-request-disconnect-disabled") == 1
    assert dict(after)[b"accept"] == b"*/*"
    assert b"x-request-timeout-seconds" not in dict(after)


def test_a_good_id_stays_and_a_bad_one_goes() -> None:
    assert dict(headers_after("http", [(b"x-request-id", b"abc.1")]))[b"x-request-id"] == b"abc.1"
    for bad in (b"", b"a\nb", b"x" * 65):
        assert len(dict(headers_after("http", [(b"x-request-id", bad)]))[b"x-request-id"]) == 32


def test_serve_gets_it_as_a_middleware() -> None:
    assert [middleware.cls for middleware in middlewares()] == [Intake]
