"""Recordings in, segments out: over HTTP and live, without Ray."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.sync.client import connect

from serve_apps import classify, detect
from serve_apps.detect import Detections
from sonant.audio.wav import encode_wav
from sonant.config.serve import ClassifyApp, DetectApp
from sonant.data.corpus import Corpus
from sonant.edge import face
from sonant.edge.metrics import Metrics
from sonant.errors import BundleError, ModelError
from sonant.runtime.engine import Engine
from sonant.runtime.infer import classify as answer

PREFIX = "/v1/audio/detections"


@pytest.fixture(scope="module")
def app(detect_bundle: Path) -> DetectApp:
    limits: Any = {"max_sessions": 2, "max_audio_s": 60.0}
    return DetectApp(bundle=str(detect_bundle), providers=("CPUExecutionProvider",), limits=limits)


@pytest.fixture(scope="module")
def loaded(app: DetectApp) -> tuple[Engine, Metrics]:
    return classify.load(app)


@pytest.fixture(scope="module")
def url(app: DetectApp, loaded: tuple[Engine, Metrics], run_app: Callable[..., Any]) -> Generator[str]:
    engine, metrics = loaded
    made = detect.create_face(app, engine, classify.fused(app, engine, metrics), metrics)
    with run_app(made.app, PREFIX) as base:
        yield base


@pytest.fixture(scope="module")
def wav_N(burst_corpus: str) -> np.ndarray:
    """40 s: longer than one window."""
    corpus = Corpus.open(burst_corpus)
    return np.concatenate([corpus.read(row) for row in range(10)]).astype(np.float32) / 32768


def post(url: str, wav_N: np.ndarray, query: str = "") -> httpx.Response:
    return httpx.post(
        f"{url}{query}", content=encode_wav(wav_N, 8000), headers={"content-type": "audio/wav"}, timeout=30
    )


def test_a_recording_gives_the_segments_that_the_library_gives(url: str, loaded: Any, wav_N: np.ndarray) -> None:
    found = post(url, wav_N).json()
    assert found == answer(loaded[0], np.rint(wav_N * 32768).astype(np.float32) / 32768)
    told = Detections.model_validate(found)
    assert told.operating_point == "balanced"
    assert len(told.segments) > 5
    assert told.duration_s == pytest.approx(40.0)


def test_operating_points_by_name(url: str, wav_N: np.ndarray) -> None:
    assert post(url, wav_N[:8000], "?operating_point=low_fa").json()["operating_point"] == "low_fa"
    refused = post(url, wav_N[:8000], "?operating_point=bold")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model.unknown")
    info = httpx.get(f"{url}/info").json()
    assert (info["operating_points"], info["operating_point"]) == (["balanced", "low_fa"], "balanced")


def test_the_home_application_is_told_all_that_info_tells(app: DetectApp, url: str) -> None:
    described = asyncio.run(detect.DetectIngress(app.model_dump(mode="json")).describe())
    assert described["model"] == httpx.get(f"{url}/info").json()
    assert described["model"]["answer"] == "detection"


def test_a_live_session_tells_segments(url: str, wav_N: np.ndarray) -> None:
    pcm = (32767 * wav_N).astype("<i2").tobytes()
    with connect(url.replace("http", "ws") + "/stream") as socket:
        socket.send(json.dumps({"type": "start", "format": "pcm_s16le", "sample_rate_hz": 8000}))
        assert json.loads(socket.recv())["labels"] == ["speech"]
        for start in range(0, len(pcm), 16_000):
            socket.send(pcm[start : start + 16_000])
        socket.send(json.dumps({"type": "end"}))
        messages = [json.loads(text) for text in socket]
    live = [(event["t_start"], event["t_end"]) for event in messages if event["type"] == "event"]
    whole = [(one["t_start"], one["t_end"]) for one in post(url, wav_N).json()["segments"]]
    assert messages[-1] == {"type": "done", "audio_s": 40.0}
    np.testing.assert_allclose(live, whole, atol=0.021)


def test_applications_take_their_own_bundles_only(detect_bundle: Path, app: DetectApp, tone_bundle: Path) -> None:
    for wrong in (ClassifyApp(bundle=str(detect_bundle)), DetectApp(bundle=str(tone_bundle))):
        with pytest.raises(BundleError, match="made for the task"):
            classify.load(wrong)
    other = app.model_copy(update={"operating_point": "bold"})
    with pytest.raises(ModelError, match="bold"):
        detect.describe(other, classify.load(app)[0])


def test_the_documentation_is_complete(app: DetectApp, loaded: tuple[Engine, Metrics]) -> None:
    engine, metrics = loaded
    made = detect.create_face(app, engine, classify.fused(app, engine, metrics), metrics)
    paths = face.openapi(made.api)["paths"]
    (responses,) = (path["post"]["responses"] for path in paths.values() if "post" in path)
    assert {"200", "404", "413", "415"} <= set(responses)
