"""A candidate hears what was asked, is compared, and changes nothing for those who asked."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.sync.client import connect

from serve_apps import classify, enhance
from sonant.audio.wav import encode_wav
from sonant.config.rollout import Rule
from sonant.edge.compare import report
from sonant.export.bundle import publish, seal
from sonant.runtime.bundle import open_bundle

WAV = encode_wav(np.random.default_rng(0).standard_normal(8000).astype(np.float32) / 10, 16_000)
CPU = {"providers": ["CPUExecutionProvider"]}


@pytest.fixture(scope="module")
def backwards(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tiny network, which calls everything by the wrong name."""
    bundle = open_bundle(tiny_bundle)
    contents = {name: bundle.read(name) for name in bundle.info.files}
    info = bundle.info.model_copy(update={"version": "backwards", "labels": bundle.info.labels[::-1]})
    return publish(seal(info, contents), str(tmp_path_factory.mktemp("backwards") / "bundle"))


@contextmanager
def shadowed(made: Any, run_app: Callable[..., Any]) -> Generator[tuple[str, Callable[[int], dict[str, Any]]]]:
    """A replica on a server: its URL, and its report once so many answers are counted."""

    def told(count: int) -> dict[str, Any]:
        until = time.monotonic() + 60
        while sum(made._shade.wire()["counts"].values()) < count:
            assert time.monotonic() < until, made._shade.wire()
            time.sleep(0.01)
        return report([made._shade.wire()], Rule(least=1))

    try:
        with run_app(made.__serve_build_asgi_app__(), "/v1/x") as url:
            yield url, told
    finally:
        made._shade.close()


def post(url: str, data: bytes = WAV) -> httpx.Response:
    return httpx.post(url, content=data, headers={"content-type": "audio/wav"}, timeout=30)


def test_recordings_are_compared(tiny_bundle: Path, backwards: str, run_app: Callable[..., Any]) -> None:
    args = {"bundle": str(tiny_bundle), "shadow": {"bundle": backwards}, **CPU}
    with shadowed(classify.Ingress(args), run_app) as (url, told):
        answers = [post(url).json() for _ in range(3)]
        assert post(url, b"no sound").status_code == 415  # the champion could not tell either
        found = told(3)
        info = httpx.get(f"{url}/info").json()
    plain = answers[0]
    assert plain["model"] == info["model"] != info["shadow"]["model"]
    assert (found["compared"], found["failed"], found["dropped"]) == (3, 0, 0)
    scores = {one["label"]: one["score"] for one in plain["scores"]}
    turned = {label: scores[other] for label, other in zip(info["labels"], info["labels"][::-1], strict=True)}
    largest = max(abs(scores[label] - turned[label]) for label in scores)
    assert found["measures"]["agreement"]["mean"] == float(plain["label"] == info["labels"][1])
    assert found["measures"]["probability"]["mean"] == pytest.approx(largest, abs=0.01)
    assert {"champion_s", "candidate_s"} <= found["measures"].keys()


def test_what_finds_no_room_is_left_out_and_counted(
    tiny_bundle: Path, backwards: str, run_app: Callable[..., Any]
) -> None:
    small = {"bundle": backwards, "max_waiting_mib": 0.001}
    with shadowed(classify.Ingress({"bundle": str(tiny_bundle), "shadow": small, **CPU}), run_app) as (url, told):
        assert post(url).status_code == 200
        assert told(1)["dropped"] == 1


def test_nobody_waits_for_the_candidate(tiny_bundle: Path, backwards: str, run_app: Callable[..., Any]) -> None:
    made = classify.Ingress({"bundle": str(tiny_bundle), "shadow": {"bundle": backwards, "max_waiting": 2}, **CPU})
    shade = made._shade
    assert shade is not None
    asyncio.run_coroutine_threadsafe(shade._turn.acquire(), shade._loop).result(10)  # the candidate is stuck
    with shadowed(made, run_app) as (url, told):
        assert [post(url).status_code for _ in range(4)] == [200] * 4
        assert told(2)["dropped"] == 2
        shade.post(shade._turn.release)
        assert told(4)["compared"] == 2


def test_sessions_are_compared(tiny_bundle: Path, backwards: str, run_app: Callable[..., Any]) -> None:
    args = {"bundle": str(tiny_bundle), "shadow": {"bundle": backwards}, **CPU}
    with shadowed(classify.Ingress(args), run_app) as (url, told):
        assert talk(url, np.zeros(4000, "<i2"))[-1]["type"] == "done"
        with connect(url.replace("http", "ws", 1) + "/stream") as socket:
            socket.send('{"type": "start", "format": "pcm_s16le", "sample_rate_hz": 8000}')
            socket.recv(10)
        found = told(2)
    assert (found["compared"], found["skipped"], found["failed"]) == (1, 1, 0), "one has gone before its end"
    assert found["measures"]["agreement"]["count"] == 1


def talk(url: str, sound_N: np.ndarray[Any, Any], rate_hz: int = 8000, **start: Any) -> list[Any]:
    """All that a session says."""
    with connect(url.replace("http", "ws", 1) + "/stream") as socket:
        socket.send(json.dumps({"type": "start", "format": "pcm_s16le", "sample_rate_hz": rate_hz, **start}))
        for at in range(0, len(sound_N), 400):
            socket.send(sound_N[at : at + 400].tobytes())
        socket.send('{"type": "end"}')
        return [json.loads(message) if isinstance(message, str) else message for message in socket]


def test_sounds_are_compared(enhance_bundle: Path, run_app: Callable[..., Any], tmp_path: Path) -> None:
    args = {"bundle": str(enhance_bundle), "shadow": {"bundle": str(enhance_bundle)}, "store_url": str(tmp_path), **CPU}
    made = enhance.EnhanceIngress(args)
    rate_hz = open_bundle(enhance_bundle).info.sample_rate_hz
    sound_N = (3000 * np.random.default_rng(1).standard_normal(rate_hz // 2)).astype("<i2")
    wav = encode_wav(sound_N.astype(np.float32) / 32768, rate_hz)
    with shadowed(made, run_app) as (url, told):
        assert post(url, wav).status_code == 200
        assert post(f"{url}?store=true", wav).status_code == 200
        assert talk(url, sound_N, rate_hz)[-1]["type"] == "done"
        found = told(3)
    assert (found["compared"], found["skipped"], found["failed"]) == (2, 1, 0)
    assert found["measures"]["si_sdr_db"]["p5"] > 60, "the same bundle says the same"
    assert found["measures"]["level_db"]["mean"] == pytest.approx(0.0, abs=0.01)
