"""A candidate answers its share and keeps whom it answers; sessions of other bundles go on with their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import connect

from serve_apps import classify
from serve_apps.sides import chosen, who
from sonant.audio.wav import encode_wav
from sonant.edge.metrics import render
from sonant.export.bundle import publish, seal
from sonant.runtime.bundle import open_bundle

PREFIX = "/v1/audio/classifications"
WAV = encode_wav(np.random.default_rng(0).standard_normal(8000).astype(np.float32) / 10, 16_000)


@pytest.fixture(scope="module")
def second(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Another version of the tiny bundle."""
    bundle = open_bundle(tiny_bundle)
    contents = {name: bundle.read(name) for name in bundle.info.files}
    info = bundle.info.model_copy(update={"version": "second"})
    return publish(seal(info, contents), str(tmp_path_factory.mktemp("second") / "bundle"))


def replica(bundle: str | Path, **args: Any) -> classify.Ingress:
    return classify.Ingress({"bundle": str(bundle), "providers": ["CPUExecutionProvider"], **args})


def names(bundle: Path) -> tuple[str, str]:
    info = open_bundle(bundle).info
    return info.id, f"{info.name}/second"


def test_a_share_is_a_share_and_stays_one() -> None:
    everybody = [f"session-{number}" for number in range(4000)]
    few, more = ({one for one in everybody if chosen(one, share, "a/2")} for share in (0.1, 0.3))
    assert few < more
    assert len(few) == pytest.approx(400, abs=80)
    other = {one for one in everybody if chosen(one, 0.1, "b/2")}
    assert len(few & other) < 100, "another candidate has others"
    assert not any(chosen(one, 0.0, "a/2") for one in everybody)
    assert all(chosen(one, 1.0, "a/2") for one in everybody)


def test_a_session_is_who_it_says() -> None:
    scope: dict[str, Any] = {"headers": [(b"x-request-id", b"r")], "query_string": b"session_id=q"}
    assert who({**scope, "headers": [(b"x-session-id", b"s"), *scope["headers"]]}) == "s"
    assert who(scope) == "q"
    assert who({**scope, "query_string": b""}) == "r"
    nobody = {"headers": [], "query_string": b""}
    assert who(nobody) != who(nobody)


def test_requests_of_one_session_are_answered_by_one_side(
    tiny_bundle: Path, second: str, run_app: Callable[..., Any]
) -> None:
    one = replica(tiny_bundle, canary={"bundle": second, "share": 0.5})
    first_id, second_id = names(tiny_bundle)
    seen: dict[str, set[str]] = {}
    with run_app(one.__serve_build_asgi_app__(), PREFIX) as url, httpx.Client() as client:
        for number in range(24):
            headers = {"content-type": "audio/wav", "x-session-id": f"s{number % 8}"}
            answer = client.post(url, content=WAV, headers=headers)
            assert answer.headers["x-sonant-model"] == answer.json()["model"]
            seen.setdefault(headers["x-session-id"], set()).add(answer.json()["model"])
        info = client.get(f"{url}/info").json()
    assert all(len(models) == 1 for models in seen.values())
    assert set.union(*seen.values()) == {first_id, second_id}
    assert (info["model"], info["canary"]) == (first_id, {"model": second_id, "share": 0.5})
    text = render({"r": one._sides.snapshot()}).decode()
    counted = {
        sample.labels["version"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "sonant_requests_total"
    }
    assert sum(counted.values()) == 24
    assert set(counted) == {first_id.split("/")[1], "second"}


@pytest.fixture
def kept(tmp_path: Path) -> dict[str, Any]:
    return {"sessions": {"url": str(tmp_path / "kept"), "snapshot_s": 0.05}}


def opened(url: str, session: str = "") -> dict[str, Any]:
    """The `ready` of a new session, which then loses its connection."""
    headers = {"x-session-id": session} if session else None
    with connect(url.replace("http", "ws", 1) + "/stream", additional_headers=headers) as socket:
        socket.send(json.dumps({"type": "start", "format": "pcm_s16le", "sample_rate_hz": 8000, "resume": True}))
        return json.loads(socket.recv(10))


def resumed(url: str, token: str) -> dict[str, Any]:
    """What a replica says to one that wants to go on, and what it says of some sound."""
    with connect(url.replace("http", "ws", 1) + "/stream") as socket:
        socket.send(json.dumps({"type": "resume", "token": token, "number": 0, "received": 0}))
        told = json.loads(socket.recv(10))
        if told["type"] == "ready":
            socket.send(np.zeros(1600, "<i2").tobytes())
            socket.send('{"type": "end"}')
            assert json.loads(socket.recv(10))["type"] == "done"
        return told


def test_a_session_goes_on_with_the_side_that_it_began_on(
    tiny_bundle: Path, second: str, run_app: Callable[..., Any], kept: dict[str, Any]
) -> None:
    made = replica(tiny_bundle, canary={"bundle": second, "share": 0.5}, **kept)
    with run_app(made.__serve_build_asgi_app__(), PREFIX) as url:
        sessions = {number: opened(url, f"s{number}") for number in range(8)}
        assert {one["model"] for one in sessions.values()} == set(names(tiny_bundle))
        for one in sessions.values():  # whatever side the new connection would be on
            assert resumed(url, one["resume"])["model"] == one["model"]
    assert sum(live.pool.used for live in made._sides.lives) == 0


def test_a_session_goes_on_with_the_version_before_where_that_is_at_hand(
    tiny_bundle: Path, second: str, run_app: Callable[..., Any], kept: dict[str, Any]
) -> None:
    first_id, second_id = names(tiny_bundle)
    with run_app(replica(tiny_bundle, **kept).__serve_build_asgi_app__(), PREFIX) as url:
        one, other = opened(url), opened(url)
    with run_app(replica(second, earlier=[str(tiny_bundle)], **kept).__serve_build_asgi_app__(), PREFIX) as url:
        assert opened(url)["model"] == second_id
        assert resumed(url, one["resume"])["model"] == first_id
    with run_app(replica(second, earlier=["nowhere/to/be/found"], **kept).__serve_build_asgi_app__(), PREFIX) as url:
        assert resumed(url, other["resume"])["error"]["code"] == "session.lost"


def test_all_sides_drain(tiny_bundle: Path, second: str, run_app: Callable[..., Any]) -> None:
    made = replica(tiny_bundle, canary={"bundle": second, "share": 0.5})
    asyncio.run(made.drain())
    assert len([live for live in made._sides.lives if live.drains_until > 0]) == 2
