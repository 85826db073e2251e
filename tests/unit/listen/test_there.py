"""Events of a server."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serve_apps import classify
from sonant.client.live import socket_url
from sonant.config.serve import ClassifyApp
from sonant.errors import EnvError, SonantError
from sonant.listen.there import listen_there


@pytest.fixture(scope="module")
def url(tone_bundle: Path, run_app: Callable[..., Any]) -> Generator[str]:
    limits: Any = {"max_session_s": 3.0}
    app = ClassifyApp(bundle=str(tone_bundle), providers=("CPUExecutionProvider",), limits=limits)
    engine, metrics = classify.load(app)
    made = classify.create_face(app, engine, classify.fused(app, engine, metrics), metrics)
    with run_app(made.app, "/v1/audio/classifications") as base:
        yield base


def test_a_server_tells_what_it_hears(url: str, clip: Callable[..., Any]) -> None:
    wav_N = np.concatenate([clip("_silence_"), clip("rise")])
    events = list(listen_there(url, np.array_split(wav_N, 20), 16_000))
    assert [event["label"] for event in events] == ["rise"]


def test_why_a_session_ends_is_told(url: str) -> None:
    with pytest.raises(SonantError, match="3 s") as told:
        list(listen_there(url, [np.zeros(16_000, np.float32)] * 4, 16_000))
    assert told.value.code == "audio.too_long"


def test_a_source_that_fails_is_told(url: str) -> None:
    def broken():
        yield np.zeros(1600, np.float32)
        raise EnvError("env.no_device", "it was pulled out")

    with pytest.raises(EnvError, match="pulled out"):
        list(listen_there(url, broken(), 16_000))


def test_no_server_is_told() -> None:
    with pytest.raises(EnvError, match="no session at"):
        list(listen_there("http://127.0.0.1:9/x", [], 16_000))
    with pytest.raises(EnvError, match="no address"):
        socket_url("somewhere")


def test_the_socket_of_an_application() -> None:
    assert socket_url("https://h:1/v1/audio/detections/") == "wss://h:1/v1/audio/detections/stream"
    assert socket_url("ws://h/x/stream") == "ws://h/x/stream"
