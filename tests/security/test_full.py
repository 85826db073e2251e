"""Where there is no room, everybody is told so at once, whatever the application: nobody waits, and nothing breaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

CROWD = 50
UPLOADS = ("classify", "detect", "embed", "verify", "speakers", "extract", "enhance", "transcribe", "tensors")
LIVE = ("classify", "detect", "extract", "enhance")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def crowded(replicas: Callable[..., list[Any]]) -> dict[str, Any]:
    """Every application, with room for one request and one session."""
    made = replicas(limits={"max_requests": 1, "max_sessions": 1, "idle_s": 60, "first_s": 60})
    return {replica.name: replica for replica in made}


class Upload:
    """A recording on its way: `more` is awaited after its first bytes, and never when nobody reads them."""

    def __init__(self, app: Any, path: str) -> None:
        self.outbox: list[dict[str, Any]] = []
        self.read = asyncio.Event()
        self.more = asyncio.Event()
        kind = b"multipart/form-data; boundary=b" if not path.startswith("/v1/tensors") else b"application/json"
        scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
            "root_path": "", "headers": [(b"host", b"test"), (b"content-type", kind)], "scheme": "http",
            "asgi": {"version": "3.0"}, "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("test", 80),
        }  # fmt: skip
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self.read.is_set():
            await self.more.wait()
            return {"type": "http.disconnect"}
        self.read.set()
        return {"type": "http.request", "body": b"--b", "more_body": True}

    async def _send(self, message: dict[str, Any]) -> None:
        self.outbox.append(message)

    def answer(self) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Status, headers and body."""
        begin, *parts = self.outbox
        headers = {name.decode(): value.decode() for name, value in begin["headers"]}
        return begin["status"], headers, json.loads(b"".join(part.get("body", b"") for part in parts))


def path_of(replica: Any) -> str:
    return f"{replica.prefix}/models/tones/infer" if replica.name == "tensors" else replica.prefix


@pytest.mark.parametrize("name", UPLOADS)
def test_requests_beyond_the_limit_are_refused_before_they_are_read(crowded: dict[str, Any], name: str) -> None:
    async def run() -> list[Upload]:
        replica = crowded[name]
        first = Upload(replica, path_of(replica))
        await first.read.wait()
        others = [Upload(replica, path_of(replica)) for _ in range(CROWD)]
        async with asyncio.timeout(60):
            await asyncio.gather(*(one.task for one in others))
        assert not first.outbox
        assert not any(one.read.is_set() for one in others)
        first.more.set()
        await first.task
        again = Upload(replica, path_of(replica))
        async with asyncio.timeout(60):
            await again.read.wait()  # there is room again
        again.more.set()
        await again.task
        return others

    for one in asyncio.run(run()):
        status, headers, body = one.answer()
        assert status == 503
        assert headers["retry-after"] == "1"
        if name != "tensors":  # a protocol of its own
            assert body["error"]["code"] == "server.full"
        else:
            assert headers["x-error-code"] == "server.full"


@pytest.mark.parametrize("name", LIVE)
def test_sessions_beyond_the_limit_are_told_and_closed(
    crowded: dict[str, Any], open_socket: Callable[..., Any], name: str
) -> None:
    async def run() -> list[Any]:
        path = f"{crowded[name].prefix}/stream"
        first = open_socket(crowded[name], path)
        first.say('{"type": "ping"}')
        async with asyncio.timeout(60):
            while not first.told():
                await asyncio.sleep(0)
            others = [open_socket(crowded[name], path) for _ in range(CROWD)]
            await asyncio.gather(*(one.task for one in others))
            first.leave()
            await first.task
        assert first.told() == [{"type": "pong"}]
        return others

    for one in asyncio.run(run()):
        [told] = one.told()
        assert (told["type"], told["error"]["code"]) == ("error", "server.full")
        assert one.close_code == 1013
