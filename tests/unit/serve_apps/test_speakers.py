"""Vectors, verification and enrolment over HTTP, without Ray: three applications, two of which share a folder."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from serve_apps import classify, embed, speakers, verify
from sonant.audio.wav import encode_wav
from sonant.config.serve import ClassifyApp, EmbedApp, SpeakersApp, VerifyApp
from sonant.edge import face
from sonant.edge.speakers import SpeakerStore
from sonant.errors import BundleError, ModelError
from sonant.runtime.bundle import open_bundle

Post = Callable[..., httpx.Response]
COMMON: dict[str, Any] = {"providers": ("CPUExecutionProvider",), "limits": {"max_body_mib": 1.0, "max_audio_s": 20.0}}


def voice(number: int, seconds: float = 0.5, seed: int = 0) -> bytes:
    time = np.arange(int(seconds * 8000)) / 8000
    wav_N = np.sum([np.sin(2 * np.pi * (200 + 130 * number) * n * time) / n for n in (1, 2)], axis=0)
    noise_N = np.random.default_rng(seed).standard_normal(len(time))
    return encode_wav((0.15 * wav_N + 0.003 * noise_N).astype(np.float32), 8000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("enrolled")


@pytest.fixture(scope="module")
def urls(voice_bundle: Path, folder: Path, run_app: Callable[..., Any]) -> Generator[dict[str, str]]:
    common = {"bundle": str(voice_bundle), **COMMON}
    made = {
        "/v1/audio/embeddings": (EmbedApp(**common), embed.create_face),
        "/v1/audio/verifications": (VerifyApp(**common, speakers=str(folder)), verify.create_face),
        "/v1/speakers": (
            SpeakersApp(**common, speakers=str(folder), max_files=3, max_ttl_s=1e6, ttl_s=60),
            speakers.create_face,
        ),
    }
    found: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        for prefix, (app, create) in made.items():
            engine, metrics = classify.load(app)
            served = create(app, engine, classify.fused(app, engine, metrics), metrics)
            assert face.openapi(served.api)["paths"]
            found[prefix.rpartition("/")[2]] = stack.enter_context(run_app(served.app, prefix))
        yield found


@pytest.fixture
def post(urls: dict[str, str]) -> Post:
    def call(where: str, *files: tuple[str, bytes], query: str = "", **texts: str) -> httpx.Response:
        parts = [(name, ("a.wav", data, "audio/wav")) for name, data in files]
        return httpx.post(f"{urls[where]}{query}", files=parts, data=texts, timeout=30)

    return call


def enrol(post: Post, number: int = 2, **texts: str) -> dict[str, Any]:
    answer = post("speakers", ("file", voice(number)), ("file", voice(number, seed=1)), **texts)
    assert answer.status_code == 201, answer.text
    return answer.json()


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_seconds_are_counted_once(voice_bundle: Path) -> None:
    app = EmbedApp(bundle=str(voice_bundle), **COMMON)
    engine, metrics = classify.load(app)
    asyncio.run(embed.heard(classify.fused(app, engine, metrics), voice(2, 1.5)))
    counted = [
        value
        for *_, samples in metrics.snapshot()
        for name, _, value in samples
        if name == "sonant_audio_seconds_total"
    ]
    assert counted == [pytest.approx(1.5)]


def test_a_vector_of_length_one(urls: dict[str, str], post: Post) -> None:
    sent = post("embeddings", ("file", voice(2, 1.3)))
    raw = httpx.post(urls["embeddings"], content=voice(2, 1.3), headers={"content-type": "audio/wav"})
    assert sent.json() == raw.json()
    assert set(raw.json()) == {"model", "embedding", "duration_s"}
    assert len(raw.json()["embedding"]) == 12
    assert np.linalg.norm(raw.json()["embedding"]) == pytest.approx(1, abs=1e-5)
    assert raw.json()["duration_s"] == pytest.approx(1.3)


def test_info_tells_thresholds(urls: dict[str, str], voice_bundle: Path) -> None:
    info = open_bundle(voice_bundle).info
    for url in urls.values():
        found = httpx.get(f"{url}/info").json()
        assert (found["model"], found["size"], found["labels"]) == (info.id, 12, [])
        assert set(found["thresholds"]) == {"equal_error", "low_false_accept"}


def test_each_application_tells_what_it_answers_with(voice_bundle: Path, tmp_path: Path) -> None:
    """The console makes its pages of that: the three serve one bundle."""
    common = {"bundle": str(voice_bundle), **COMMON}
    replicas = {
        "embedding": embed.EmbedIngress(common),
        "verification": verify.VerifyIngress(common),
        "enrolment": speakers.SpeakersIngress({**common, "speakers": str(tmp_path)}),
    }
    for answer, replica in replicas.items():
        found = asyncio.run(replica.describe())["model"]
        assert (found["task"], found["answer"], found["target"]) == ("embed", answer, "speaker")


def test_two_recordings(post: Post) -> None:
    same = post("verifications", ("file", voice(2)), ("reference", voice(2, 0.8, seed=5))).json()
    other = post("verifications", ("file", voice(2)), ("reference", voice(8))).json()
    assert same["score"] > other["score"]
    for found in (same, other):
        assert found["same"] == (found["score"] >= found["threshold"])
    assert same["same"]
    assert same["operating_point"] == "equal_error"


def test_a_stricter_point_has_another_threshold(post: Post) -> None:
    sent = (("file", voice(2)), ("reference", voice(2)))
    strict = post("verifications", *sent, query="?operating_point=low_false_accept").json()
    assert strict["operating_point"] == "low_false_accept"
    assert strict["threshold"] != post("verifications", *sent).json()["threshold"]
    assert code(post("verifications", *sent, query="?operating_point=none")) == (404, "model.unknown")


def test_an_enrolled_speaker(post: Post, urls: dict[str, str], folder: Path) -> None:
    made = enrol(post, name="Ada")
    assert (made["name"], made["recordings"], made["duration_s"]) == ("Ada", 2, 1.0)
    assert "vector" not in made
    found = post("verifications", ("file", voice(2, 0.7, seed=9)), speaker=made["id"])
    assert found.json()["same"], found.text
    url = f"{urls['speakers']}/{made['id']}"
    assert httpx.get(url).json() == made
    assert made in httpx.get(f"{urls['speakers']}?limit=1000").json()["speakers"]
    kept = json.loads((folder / f"{made['id']}.json").read_text(encoding="utf-8"))
    assert len(kept["vector"]) == 12
    assert httpx.delete(url).status_code == 204
    assert code(httpx.get(url)) == (404, "speaker.not_found")
    assert code(httpx.delete(url)) == (404, "speaker.not_found")
    assert code(post("verifications", ("file", voice(2)), speaker=made["id"])) == (404, "speaker.not_found")


def test_lists_come_in_pages(post: Post, urls: dict[str, str]) -> None:
    known = {enrol(post)["id"] for _ in range(3)}
    seen: list[str] = []
    after = ""
    while after is not None:
        page = httpx.get(urls["speakers"], params={"limit": 1, "after": after}).json()
        seen += [one["id"] for one in page["speakers"]]
        after = page["next"]
    assert known <= set(seen)
    assert seen == sorted(set(seen))


def test_an_enrolment_with_another_bundle_is_told(post: Post, folder: Path) -> None:
    store, made = SpeakerStore(str(folder)), enrol(post)
    store.put(store.get(made["id"]).model_copy(update={"model": "voices/20200101t000000-00000000"}))
    answer = post("verifications", ("file", voice(2)), speaker=made["id"])
    assert code(answer) == (409, "speaker.mismatch")
    assert "enrol" in answer.json()["error"]["hint"]


@pytest.mark.parametrize("ttl", ["0", "-1", "1e9", "nan", "soon"])
def test_a_time_that_cannot_be(post: Post, ttl: str) -> None:
    assert code(post("speakers", ("file", voice(2)), ttl_s=ttl)) == (422, "request.invalid")


def test_forms_that_lack_something(post: Post, urls: dict[str, str]) -> None:
    file, reference = ("file", voice(2)), ("reference", voice(2))
    wrong = (422, "request.invalid")
    assert code(post("verifications", file)) == wrong
    assert code(post("verifications", reference, speaker="spk_" + "0" * 32)) == wrong
    assert code(post("verifications", file, reference, speaker="spk_" + "0" * 32)) == wrong
    assert code(post("verifications", file, file, reference)) == wrong
    assert code(post("speakers", ("other", voice(2)), name="x")) == wrong
    assert code(post("speakers", *[file] * 4)) == wrong
    assert code(post("speakers", file, name="x" * 300)) == wrong
    assert code(httpx.post(urls["speakers"], content=voice(2), headers={"content-type": "audio/wav"})) == wrong


def test_bad_sound_is_told_and_nobody_enrolled(post: Post, folder: Path) -> None:
    before = SpeakerStore(str(folder)).ids()
    assert code(post("speakers", ("file", voice(2)), ("file", b"no sound"))) == (415, "audio.unsupported")
    assert code(post("speakers", ("file", voice(2)), ("file", voice(2, 25)))) == (413, "audio.too_long")
    assert SpeakerStore(str(folder)).ids() == before


def test_a_full_store_refuses(voice_bundle: Path, tmp_path: Path, run_app: Callable[..., Any]) -> None:
    app = SpeakersApp(bundle=str(voice_bundle), speakers=str(tmp_path), max_speakers=1, **COMMON)
    engine, metrics = classify.load(app)
    served = speakers.create_face(app, engine, classify.fused(app, engine, metrics), metrics)
    with run_app(served.app, "/v1/speakers") as url:
        sent = {"file": ("a.wav", voice(2), "audio/wav")}
        assert httpx.post(url, files=sent).status_code == 201
        assert code(httpx.post(url, files=sent)) == (503, "server.full")


def test_without_a_store_only_recordings_are_compared(voice_bundle: Path, run_app: Callable[..., Any]) -> None:
    app = VerifyApp(bundle=str(voice_bundle), **COMMON)
    engine, metrics = classify.load(app)
    served = verify.create_face(app, engine, classify.fused(app, engine, metrics), metrics)
    with run_app(served.app, "/v1/audio/verifications") as url:
        files = {"file": ("a.wav", voice(2), "audio/wav")}
        assert code(httpx.post(url, files=files, data={"speaker": "spk_" + "0" * 32})) == (422, "request.invalid")


def test_bundles_and_applications_belong_together(voice_bundle: Path, tone_bundle: Path) -> None:
    for app in (ClassifyApp(bundle=str(voice_bundle)), EmbedApp(bundle=str(tone_bundle))):
        with pytest.raises(BundleError, match="made for the task"):
            classify.load(app)
    app = VerifyApp(bundle=str(voice_bundle), operating_point="none", **COMMON)
    engine, metrics = classify.load(app)
    with pytest.raises(ModelError, match="operating point"):
        verify.create_face(app, engine, classify.fused(app, engine, metrics), metrics)
