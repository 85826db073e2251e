"""Extraction and its enrolled speakers over HTTP, without Ray: two applications that share a folder."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from websockets.sync.client import connect

from serve_apps import classify, extract, sounds, speakers
from sonant.audio.decode import decode
from sonant.audio.wav import encode_wav
from sonant.config.serve import ClassifyApp, ExtractApp, SpeakersApp
from sonant.edge import face
from sonant.edge.metrics import Metrics
from sonant.edge.speakers import SpeakerStore
from sonant.errors import BundleError, ConfigError
from sonant.runtime.level import level_dbfs
from sonant.runtime.scores import sigmoid
from sonant.runtime.voices import VoiceEngine

Floats = NDArray[np.float32]
RATE_HZ = 4000
COMMON: dict[str, Any] = {"providers": ("CPUExecutionProvider",)}
LIMITS: dict[str, Any] = {"max_body_mib": 1.0, "max_audio_s": 20.0, "max_sessions": 2}


def sound(seed: int, samples: int) -> Floats:
    rng, time_N = np.random.default_rng(seed), np.arange(samples) / RATE_HZ
    wav_N = 0.2 * np.sin(2 * np.pi * (200 + 61 * seed) * time_N) + 0.02 * rng.standard_normal(samples)
    return (np.rint(wav_N * 32768) / 32768).astype(np.float32)


def wav(seed: int, samples: int) -> bytes:
    return encode_wav(sound(seed, samples), RATE_HZ)


def heard(data: bytes) -> Floats:
    return decode(data, rate_hz=RATE_HZ, max_s=60)


@dataclass
class Town:
    extractions: str
    speakers: str
    engine: VoiceEngine
    metrics: Metrics
    folder: Path

    def post(
        self, mix: bytes | None, *references: bytes, accept: str = "*/*", speaker: str | None = None
    ) -> httpx.Response:
        parts = [("reference", ("r.wav", data, "audio/wav")) for data in references]
        parts += [] if mix is None else [("file", ("m.wav", mix, "audio/wav"))]
        texts = {} if speaker is None else {"speaker": speaker}
        if not parts:
            parts = [("other", ("o.wav", b"", "audio/wav"))]
        return httpx.post(self.extractions, files=parts, data=texts, headers={"accept": accept}, timeout=60)

    def enrol(self, *recordings: bytes) -> dict[str, Any]:
        files = [("file", ("a.wav", data, "audio/wav")) for data in recordings]
        answer = httpx.post(self.speakers, files=files, data={"name": "Ada"}, timeout=60)
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def town(
    extract_bundle: Path, tmp_path_factory: pytest.TempPathFactory, run_app: Callable[..., Any]
) -> Generator[Town]:
    folder = tmp_path_factory.mktemp("enrolled")
    common = {"bundle": str(extract_bundle), "speakers": str(folder), **COMMON, "limits": LIMITS}
    app, enrols = ExtractApp(**common, max_references=2), SpeakersApp(**common)
    engine, metrics = extract.load(app)
    made = extract.create_face(app, engine, metrics)
    others = speakers.create_voice_face(enrols, *extract.load(enrols))
    with contextlib.ExitStack() as stack:
        urls = [
            stack.enter_context(run_app(one.app, prefix))
            for one, prefix in ((made, "/v1/audio/extractions"), (others, "/v1/speakers"))
        ]
        yield Town(*urls, engine, metrics, folder)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("samples", [1, 777, 4801])
def test_the_voice_comes_as_long_as_the_mixture(town: Town, samples: int) -> None:
    refs, mix_N = [sound(3, 900), sound(4, 500)], sound(2, samples)
    wanted = town.engine.extract(mix_N, town.engine.enroll(refs))
    answer = town.post(wav(2, samples), wav(3, 900), wav(4, 500))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "audio/wav"
    np.testing.assert_allclose(heard(answer.content), np.clip(wanted.wav_BN, -1, 1), atol=1 / 32768)
    told = answer.headers
    assert told["x-sonant-model"] == town.engine.info.id
    assert int(told["x-sonant-sample-rate"]) == RATE_HZ
    assert float(told["x-sonant-duration"]) == pytest.approx(samples / RATE_HZ, abs=1e-6)
    assert float(told["x-sonant-input-dbfs"]) == pytest.approx(level_dbfs(mix_N), abs=0.01)
    assert float(told["x-sonant-output-dbfs"]) == pytest.approx(level_dbfs(wanted.wav_BN), abs=0.01)
    assert ("x-sonant-presence" in told) == town.engine.sizes.presence
    if wanted.presence_BF is not None:
        assert float(told["x-sonant-presence"]) == pytest.approx(float(sigmoid(wanted.presence_BF).mean()), abs=1e-5)


@pytest.mark.parametrize("media", ["audio/flac", "audio/ogg"])
def test_other_formats_hold_as_many_samples(town: Town, media: str) -> None:
    answer = town.post(wav(2, 40_000), wav(3, 900), accept=media)
    assert answer.headers["content-type"] == media
    plain_N, heard_N = (heard(one.content) for one in (town.post(wav(2, 40_000), wav(3, 900)), answer))
    assert len(heard_N) == 40_000
    assert np.abs(heard_N - plain_N).max() <= (0.05 if media == "audio/ogg" else 0)


def test_json_tells_the_same_and_presence_over_time(town: Town) -> None:
    answer = town.post(wav(2, 4001), wav(3, 900), accept="application/json")
    found = sounds.SoundAnswer.model_validate(answer.json())
    plain = town.post(wav(2, 4001), wav(3, 900))
    assert base64.b64decode(found.audio.base64) == plain.content
    assert (found.model, found.sample_rate_hz, found.duration_s) == (town.engine.info.id, RATE_HZ, 4001 / RATE_HZ)
    assert str(found.output_dbfs) == plain.headers["x-sonant-output-dbfs"]
    if not town.engine.sizes.presence:
        assert found.presence is found.presence_over_time is found.presence_step_s is None
        return
    assert found.presence_over_time is not None
    assert found.presence_step_s == 0.1
    assert len(found.presence_over_time) == 11
    assert np.mean(found.presence_over_time[:10]) == pytest.approx(found.presence, abs=0.02)


def test_an_enrolled_speaker_is_the_recordings(town: Town) -> None:
    made = town.enrol(wav(3, 900), wav(4, 500))
    assert (made["recordings"], made["duration_s"], made["model"]) == (2, 0.35, town.engine.info.id)
    kept = json.loads((town.folder / f"{made['id']}.json").read_text(encoding="utf-8"))
    assert len(kept["vector"]) == town.engine.sizes.voice_size
    answer = town.post(wav(2, 777), speaker=made["id"])
    assert answer.content == town.post(wav(2, 777), wav(3, 900), wav(4, 500)).content
    store = SpeakerStore(str(town.folder))
    store.put(store.get(made["id"]).model_copy(update={"model": "else/1"}))
    assert code(town.post(wav(2, 777), speaker=made["id"])) == (409, "speaker.mismatch")
    assert httpx.delete(f"{town.speakers}/{made['id']}").status_code == 204
    assert code(town.post(wav(2, 777), speaker=made["id"])) == (404, "speaker.not_found")


def test_what_is_wrong_is_told(town: Town) -> None:
    mix, ref, wrong = wav(2, 777), wav(3, 900), (422, "request.invalid")
    assert code(town.post(mix)) == wrong
    assert code(town.post(None, ref)) == wrong
    assert code(town.post(None)) == wrong
    assert code(town.post(mix, ref, speaker="spk_0")) == wrong
    assert code(town.post(mix, ref, ref, ref)) == wrong
    assert code(town.post(b"no sound", ref)) == (415, "audio.unsupported")
    assert code(town.post(mix, b"no sound")) == (415, "audio.unsupported")
    assert code(town.post(wav(2, 21 * RATE_HZ), ref)) == (413, "audio.too_long")
    assert code(town.post(bytes(1 << 20), ref)) == (413, "audio.too_big")
    assert code(town.post(mix, ref, accept="video/mp4")) == (406, "request.not_acceptable")
    raw = httpx.post(town.extractions, content=mix, headers={"content-type": "audio/wav"})
    assert code(raw) == wrong


def test_without_a_store_speakers_are_not_known(extract_bundle: Path, run_app: Callable[..., Any]) -> None:
    app = ExtractApp(bundle=str(extract_bundle), **COMMON)
    made = extract.create_face(app, *extract.load(app))
    with run_app(made.app, "/v1/audio/extractions") as url:
        answer = httpx.post(url, files={"file": ("a.wav", wav(2, 99), "audio/wav")}, data={"speaker": "spk_0"})
        assert code(answer) == (422, "request.invalid")
        assert "recording of the voice" in answer.json()["error"]["hint"]


def test_live_sessions_follow_the_enrolled(town: Town) -> None:
    made, heard_b = town.enrol(wav(3, 900)), bytearray()
    with connect(f"ws{town.extractions.removeprefix('http')}/stream", compression=None) as client:
        client.send(json.dumps({"type": "start", "sample_rate_hz": RATE_HZ, "speaker": made["id"]}))
        assert json.loads(client.recv(timeout=10))["output"]["sample_rate_hz"] == RATE_HZ
        client.send((sound(2, 777) * 32768).astype("<i2").tobytes())
        client.send('{"type": "end"}')
        while isinstance(answer := client.recv(timeout=10), bytes) or json.loads(answer)["type"] != "done":
            heard_b += answer if isinstance(answer, bytes) else b""
    wanted_N = town.engine.extract(sound(2, 777), town.engine.enroll([sound(3, 900)])).wav_BN
    np.testing.assert_allclose(np.frombuffer(heard_b, "<i2") / 32768, np.clip(wanted_N, -1, 1), atol=1 / 32768)


def test_what_is_served_is_described(town: Town, extract_bundle: Path, tmp_path: Path) -> None:
    found = httpx.get(f"{town.extractions}/info").json()
    assert (found["task"], found["answer"], found["live"]) == ("extract", "extraction", True)
    assert found["presence"] == town.engine.sizes.presence
    assert found["formats"] == ["audio/wav", "audio/flac", "audio/ogg", "application/json"]
    assert httpx.get(f"{town.speakers}/info").json()["answer"] == "enrolment"
    replicas = {
        "extraction": extract.ExtractIngress({"bundle": str(extract_bundle)}),
        "enrolment": speakers.VoicesIngress({"bundle": str(extract_bundle), "speakers": str(tmp_path)}),
    }
    for answer, replica in replicas.items():
        told = asyncio.run(replica.describe())
        assert (told["model"]["task"], told["model"]["answer"]) == ("extract", answer)
        assert told["deployments"] == ["Ingress"]


def test_the_route_is_documented(extract_bundle: Path) -> None:
    app = ExtractApp(bundle=str(extract_bundle), max_references=3, **COMMON)
    document = face.openapi(extract.create_face(app, *extract.load(app)).api)
    route = document["paths"][""]["post"]
    fields = route["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert (set(fields), fields["reference"]["maxItems"]) == ({"file", "reference", "speaker"}, 3)
    content = route["responses"]["200"]["content"]
    assert set(content) == {"audio/wav", "audio/flac", "audio/ogg", "application/json"}
    assert content["application/json"]["schema"]["$ref"].endswith("/SoundAnswer")
    assert "X-Sonant-Presence" in route["responses"]["200"]["headers"]
    assert {"404", "406", "409", "413", "415", "422"} <= set(route["responses"])


def test_split_and_other_bundles_are_refused(extract_bundle: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="served fused"):
        ExtractApp(bundle="x", placement="split")
    for app in (ClassifyApp(bundle=str(extract_bundle)), ExtractApp(bundle=str(tiny_bundle))):
        with pytest.raises(BundleError, match="made for the task"):
            (extract if isinstance(app, ExtractApp) else classify).load(app)
    args = {"bundle": str(extract_bundle), "speakers": str(tmp_path), "placement": "split"}
    with pytest.raises(ConfigError, match="one replica"):
        speakers.build(args)


def test_seconds_are_counted(town: Town) -> None:
    def counted() -> float:
        families = town.metrics.snapshot()
        return next(v for *_, samples in families for name, _, v in samples if name == "sonant_audio_seconds_total")

    before = counted()
    town.post(wav(2, 2000), wav(3, 900))
    assert counted() - before == pytest.approx(0.5)
