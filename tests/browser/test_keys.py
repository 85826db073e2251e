"""[ray] A server with keys, as users run it: who comes in over HTTP, sockets and tickets, and how the console asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from sonant.edge import keys

ROUTE = "/v1/audio/classifications"

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """A file of keys, and the keys: of somebody, and of one who may not listen live."""
    path = str(tmp_path_factory.mktemp("keys") / "keys.json")
    found: dict[str, str] = {}
    for name, rights in (("somebody", "infer,stream"), ("deaf", "infer")):
        key, found[name] = keys.create(name, keys.rights(rights))
        keys.add(path, key)
    return path, found


@pytest.fixture(scope="module")
def url(tone_bundle: Path, run_serve: Callable[..., Any], tokens: tuple[str, dict[str, str]]) -> Generator[str]:
    two = {"num_cpus": 0.1, "num_replicas": 2}
    args = {"bundle": str(tone_bundle), "providers": ["CPUExecutionProvider"], "ingress": two}
    path = "serve_apps.classify:build"
    classify = {"name": "classify", "route_prefix": ROUTE, "import_path": path, "args": args}
    home = {"name": "home", "import_path": "serve_apps.home:build", "args": {"applications": {"classify": ROUTE}}}
    slow = {"RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60"}  # a busy machine
    with run_serve({"keys": tokens[0], "applications": [classify, home]}, slow) as base:
        yield base


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_only_keys_open_it(url: str, tokens: tuple[str, dict[str, str]]) -> None:
    for path in (f"{ROUTE}/info", "/v1/models", "/metrics", "/openapi.json"):
        answer = httpx.get(url + path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "request.unauthorized")
        assert answer.headers.get_list("x-request-id") == [answer.json()["error"]["request_id"]]
    assert httpx.get(f"{url}/readyz").status_code == 200
    assert httpx.get(f"{url}{ROUTE}/info", headers=bearer(tokens[1]["deaf"])).status_code == 200
    assert httpx.get(f"{url}/metrics", headers=bearer(tokens[1]["deaf"])).status_code == 403
    document = httpx.get(f"{url}/openapi.json", headers=bearer(tokens[1]["deaf"])).json()
    assert document["security"] == [{"key": []}]


def test_a_ticket_of_one_application_opens_one_socket_of_another(url: str, tokens: tuple[str, dict[str, str]]) -> None:
    assert httpx.post(f"{url}/v1/tickets", headers=bearer(tokens[1]["deaf"])).status_code == 403
    ticket = httpx.post(f"{url}/v1/tickets", headers=bearer(tokens[1]["somebody"]), timeout=60).json()["ticket"]
    stream = f"ws{url.removeprefix('http')}{ROUTE}/stream?ticket={ticket}"
    heard: list[str] = []
    for _ in range(4):  # two replicas: neither takes it again
        with connect(stream, open_timeout=20) as socket:
            with suppress(ConnectionClosed):  # it may have been refused already
                socket.send('{"type": "start"}')
            message = json.loads(socket.recv(timeout=20))
            heard.append(message["type"] if message["type"] == "ready" else message["error"]["code"])
    assert heard == ["ready"] + 3 * ["request.unauthorized"]


def test_the_console_asks_for_a_key_and_keeps_it(
    url: str,
    tokens: tuple[str, dict[str, str]],
    clip: Callable[..., NDArray[np.float32]],
    launch: Callable[..., AbstractContextManager[Browser]],
) -> None:
    with launch(clip("rise", rate_hz=48_000, seed=5)) as browser:
        page = browser.new_context(permissions=["microphone"]).new_page()
        addresses: list[str] = []
        page.on("request", lambda request: addresses.append(request.url))
        page.on("websocket", lambda socket: addresses.append(socket.url))
        page.goto(f"{url}/")
        box = page.get_by_role("dialog")
        expect(box).to_be_visible(timeout=20_000)
        expect(page.locator("#key-refused")).to_be_hidden()
        page.get_by_label("API key").fill("wrong")
        page.get_by_role("button", name="Use it").click()
        expect(page.locator("#key-refused")).to_be_visible(timeout=20_000)
        page.get_by_label("API key").fill(tokens[1]["somebody"])
        page.get_by_role("button", name="Use it").click()
        expect(page.locator("#status-text")).to_have_text("Ready", timeout=20_000)
        expect(box).to_be_hidden()
        page.get_by_role("button", name="Listen").click()
        expect(page.locator("#events li").first).to_be_visible(timeout=20_000)
        page.reload()
        expect(page.locator("#status-text")).to_have_text("Ready", timeout=20_000)
        assert page.evaluate("Object.values(sessionStorage)") == [tokens[1]["somebody"]]
        assert page.evaluate("localStorage.length") == 0
        assert any("ticket=" in address for address in addresses)
        assert not any(tokens[1]["somebody"] in address for address in addresses), "a key in an address"
