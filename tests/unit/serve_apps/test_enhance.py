"""Speech without its noise over HTTP and live, without Ray: in formats, in parts, and kept only when asked for."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import threading
import tracemalloc
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray
from pydantic import ValidationError
from websockets.sync.client import connect

from serve_apps import enhance, sounds
from sonant.audio.decode import decode
from sonant.audio.wav import encode_wav
from sonant.config.serve import EnhanceApp, ExtractApp
from sonant.edge import face
from sonant.edge.metrics import Metrics
from sonant.errors import BundleError
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.level import level_dbfs

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
    return decode(data, rate_hz=RATE_HZ, max_s=3600)


@dataclass
class Server:
    url: str
    engine: EnhanceEngine
    metrics: Metrics

    def post(self, data: bytes, *, accept: str = "*/*", query: str = "", **fields: str) -> httpx.Response:
        files = {"file": ("noisy.wav", data, "audio/wav")}
        return httpx.post(self.url + query, files=files, data=fields, headers={"accept": accept}, timeout=60)


Start = Callable[..., Server]


@pytest.fixture(scope="module")
def start(enhance_bundle: Path, run_app: Callable[..., Any]) -> Generator[Start]:
    with contextlib.ExitStack() as stack:

        def run(**settings: Any) -> Server:
            plain: dict[str, Any] = {"bundle": str(enhance_bundle), **COMMON, "limits": LIMITS, **settings}
            app = EnhanceApp(**plain)
            engine, metrics = enhance.load(app)
            made = enhance.create_face(app, engine, metrics)
            return Server(stack.enter_context(run_app(made.app, "/v1/audio/enhancements")), engine, metrics)

        yield run


@pytest.fixture(scope="module")
def server(start: Start) -> Server:
    return start()


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("samples", [1, 777, 14_801])
@pytest.mark.parametrize("dry", [0.0, 0.3])
def test_the_answer_is_the_engines_and_as_long(server: Server, samples: int, dry: float) -> None:
    noisy_N = sound(2, samples)
    wanted_N = np.clip(server.engine.enhance(noisy_N, dry=dry), -1, 1)
    answer = server.post(wav(2, samples), dry=str(dry))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "audio/wav"
    np.testing.assert_allclose(heard(answer.content), wanted_N, atol=1.1 / 32768)
    told = answer.headers
    assert told["x-sonant-model"] == server.engine.info.id
    assert int(told["x-sonant-sample-rate"]) == RATE_HZ
    assert float(told["x-sonant-duration"]) == pytest.approx(samples / RATE_HZ, abs=1e-6)
    assert float(told["x-sonant-input-dbfs"]) == pytest.approx(level_dbfs(noisy_N), abs=0.02)
    assert float(told["x-sonant-output-dbfs"]) == pytest.approx(level_dbfs(wanted_N), abs=0.02)
    assert not {"x-sonant-presence", "x-sonant-result"} & set(told)


def test_the_share_may_be_in_the_query_and_the_recording_the_body(server: Server) -> None:
    data = wav(2, 2000)
    wanted = server.post(data, dry="0.5").content
    raw = {"content-type": "audio/wav"}
    assert server.post(data, query="?dry=0.5").content == wanted
    assert server.post(data, query="?dry=0.5", dry="0").content == wanted
    assert httpx.post(f"{server.url}?dry=0.5", content=data, headers=raw).content == wanted
    whole_N = heard(server.post(data, dry="1").content)
    np.testing.assert_allclose(whole_N, sound(2, 2000), atol=1 / 32768)


@pytest.mark.parametrize("media", ["audio/flac", "audio/ogg"])
def test_other_formats_hold_as_many_samples(server: Server, media: str) -> None:
    plain, other = (server.post(wav(2, 40_000), accept=kind) for kind in ("audio/wav", media))
    assert other.headers["content-type"] == media
    assert len(heard(other.content)) == 40_000
    difference_N = np.abs(heard(other.content) - heard(plain.content))
    assert difference_N.max() <= (0.1 if media == "audio/ogg" else 1.1 / 32768)


def test_json_tells_the_same(server: Server) -> None:
    plain = server.post(wav(2, 4001))
    found = sounds.SoundAnswer.model_validate(server.post(wav(2, 4001), accept="application/json").json())
    assert base64.b64decode(found.audio.base64) == plain.content
    assert (found.model, found.duration_s, found.presence) == (server.engine.info.id, 4001 / RATE_HZ, None)
    assert str(found.output_dbfs) == plain.headers["x-sonant-output-dbfs"]
    assert found.result is None


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"dry": "1.5"}, "dry"),
        ({"dry": "nan"}, "dry"),
        ({"dry": "much"}, "dry"),
        ({"store": "perhaps"}, "store"),
        ({"store": "true"}, "no answers are kept"),
    ],
)
def test_what_makes_no_sense_is_said(server: Server, fields: dict[str, str], told: str) -> None:
    answers = [server.post(wav(1, 500), **fields), server.post(wav(1, 500), query=f"?{httpx.QueryParams(fields)}")]
    for answer in answers:
        assert code(answer) == (422, "request.invalid")
        assert told in answer.json()["error"]["message"]


def test_what_cannot_be_used_is_told_with_its_own_status(server: Server) -> None:
    assert code(server.post(b"no sound at all")) == (415, "audio.unsupported")
    assert code(server.post(encode_wav(np.zeros(0), RATE_HZ))) == (422, "audio.empty")
    assert code(server.post(wav(1, 21 * RATE_HZ))) == (413, "audio.too_long")
    assert code(server.post(bytes(2 << 20))) == (413, "audio.too_big")
    assert code(server.post(wav(1, 500), accept="video/mp4")) == (406, "request.not_acceptable")
    assert code(httpx.post(server.url, files={"other": b"x"})) == (422, "request.invalid")
    assert code(httpx.get(f"{server.url}/snd_{'0' * 32}")) == (404, "request.not_found")


def test_info_tells_what_is_served(server: Server) -> None:
    told = httpx.get(f"{server.url}/info").json()
    assert (told["task"], told["answer"], told["store_ttl_s"]) == ("enhance", "enhancement", None)
    assert told["latency_ms"] == 1000 * server.engine.info.latency / RATE_HZ
    assert told["live"] == server.engine.live


async def drained(answer: Any) -> None:
    async for piece in answer.body_iterator:
        assert len(piece) <= 1 << 18


def quiet(seconds: int) -> bytes:
    """A long recording that is a small file, at another rate than the network's."""
    file = io.BytesIO()
    with sf.SoundFile(file, "w", 2 * RATE_HZ, 1, "VORBIS", format="OGG") as out:
        for _ in range(2 * seconds):
            out.write(np.zeros(RATE_HZ, np.float32))
    return file.getvalue()


def test_memory_does_not_grow_with_the_recording(server: Server) -> None:
    """Two minutes more are 2 MB of samples decoded, and as many answered."""
    limits: Any = {**LIMITS, "max_audio_s": 1300.0}
    app = EnhanceApp(bundle="x", limits=limits)
    answers = enhance.Enhancements(app, server.engine, None, server.metrics)

    def peak(seconds: int) -> int:
        data = quiet(seconds)
        tracemalloc.start()
        try:
            answer = answers.made(data, enhance.Wish(dry=0.2), "audio/wav", threading.Event())
            assert int(answer.headers["content-length"]) == 44 + 2 * RATE_HZ * seconds
            asyncio.run(drained(answer))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(40)  # what is loaded once does not count
    assert peak(160) - peak(40) < 1 << 20


def test_answers_larger_than_a_piece_arrive_whole(start: Start) -> None:
    server = start(limits={**LIMITS, "max_audio_s": 60.0})
    samples = 40 * RATE_HZ
    plain = server.post(wav(2, samples))
    assert int(plain.headers["content-length"]) == len(plain.content) == 44 + 2 * samples
    told = server.post(wav(2, samples), accept="application/json").json()
    assert base64.b64decode(told["audio"]["base64"]) == plain.content


def test_what_is_asked_to_be_kept_is_there_until_it_ends(start: Start, tmp_path: Path) -> None:
    server = start(store_url=str(tmp_path / "kept"), store_ttl_s=60, max_stored=2)
    plain = server.post(wav(2, 900))
    assert "x-sonant-result" not in plain.headers
    assert not (tmp_path / "kept").exists()
    first, second = (
        server.post(wav(2, 900), store="true"),
        server.post(wav(2, 900), accept="application/json", query="?store=1"),
    )
    name = first.headers["x-sonant-result"]
    assert name != second.json()["result"]
    assert code(server.post(wav(2, 900), store="true")) == (503, "server.full")
    got = httpx.get(f"{server.url}/{name}")
    assert got.content == first.content == httpx.get(f"{server.url}/{second.json()['result']}").content
    assert got.headers["content-type"] == "audio/wav"
    assert got.headers["cache-control"] == "private, no-store"
    assert got.headers["x-sonant-result-expires"] == first.headers["x-sonant-result-expires"]

    assert httpx.delete(f"{server.url}/{name}").status_code == 204
    for answer in (httpx.get(f"{server.url}/{name}"), httpx.delete(f"{server.url}/{name}")):
        assert code(answer) == (404, "result.not_found")
    assert code(httpx.get(f"{server.url}/..%2fconfig"))[0] == 404
    late = json.loads((tmp_path / "kept" / f"{second.json()['result']}.sound").read_bytes().partition(b"\n")[0])
    path = tmp_path / "kept" / f"{late['id']}.sound"
    path.write_bytes(json.dumps({**late, "expires": 1.0}).encode() + b"\nRIFF")
    assert code(httpx.get(f"{server.url}/{late['id']}")) == (404, "result.not_found")
    assert not path.exists()


def s16(wav_N: Floats) -> bytes:
    return np.clip(np.rint(wav_N * 32768), -32768, 32767).astype("<i2").tobytes()


def live(url: str, noisy_N: Floats, start_message: dict[str, Any], change: dict[str, Any] | None = None) -> Floats:
    """What a session answers; half-way, once all so far has come back, it is changed."""
    data, parts = s16(noisy_N), list[bytes]()
    with connect(f"ws{url.removeprefix('http')}/stream", compression=None, open_timeout=10) as client:
        client.send(json.dumps({"type": "start", "sample_rate_hz": RATE_HZ, "output": "pcm_f32le", **start_message}))
        assert json.loads(client.recv(timeout=10))["type"] == "ready"
        client.send(data[: len(data) // 2])
        if change:
            client.send(json.dumps({"type": "set", **change}))
        client.send(data[len(data) // 2 :])
        client.send('{"type": "end"}')
        while isinstance(answer := client.recv(timeout=20), bytes) or json.loads(answer)["type"] != "done":
            parts += [answer] if isinstance(answer, bytes) else []
            assert isinstance(answer, bytes) or json.loads(answer)["type"] != "error", answer
    return np.frombuffer(b"".join(parts), "<f4")


@pytest.mark.parametrize("samples", [20, 1201, 4800])
def test_live_is_the_same_as_the_file(server: Server, samples: int) -> None:
    if not server.engine.live:
        pytest.skip("needs whole recordings")
    noisy_N = sound(3, samples)
    for dry in (0.0, 0.4):
        wanted_N = server.engine.enhance(noisy_N, dry=dry)
        np.testing.assert_allclose(live(server.url, noisy_N, {"dry": dry}), wanted_N, atol=1e-5)


def test_the_share_changes_while_a_session_goes_on(server: Server) -> None:
    if not server.engine.live:
        pytest.skip("needs whole recordings")
    noisy_N = sound(3, 4800)
    heard_N = live(server.url, noisy_N, {"dry": 0.0}, {"dry": 1.0})
    half = 2400 - server.engine.info.latency - server.engine.hop
    np.testing.assert_allclose(heard_N[:half], server.engine.enhance(noisy_N)[:half], atol=1e-5)
    np.testing.assert_allclose(heard_N[2400:], noisy_N[2400:], atol=1e-6)


@pytest.mark.parametrize("message", [{"dry": 2}, {}, {"dry": 0, "output": "pcm_f32le"}])
def test_what_cannot_be_set_ends_the_session(server: Server, message: dict[str, Any]) -> None:
    if not server.engine.live:
        pytest.skip("needs whole recordings")
    with connect(f"ws{server.url.removeprefix('http')}/stream", compression=None) as client:
        client.send('{"type": "start"}')
        assert json.loads(client.recv(timeout=10))["type"] == "ready"
        client.send(json.dumps({"type": "set", **message}))
        assert json.loads(client.recv(timeout=10))["error"]["code"] == "request.invalid"


def test_what_needs_whole_recordings_says_that_it_cannot_run_live(server: Server) -> None:
    if server.engine.live:
        pytest.skip("streams")
    with connect(f"ws{server.url.removeprefix('http')}/stream") as client:
        assert json.loads(client.recv(timeout=10))["error"]["code"] == "model.no_stream"


def test_the_documentation_has_every_route(start: Start, enhance_bundle: Path, tmp_path: Path) -> None:
    app = EnhanceApp(bundle=str(enhance_bundle), **COMMON, store_url=str(tmp_path))
    document = face.openapi(enhance.create_face(app, *enhance.load(app)).api)
    assert set(document["paths"]) == {"", "/info", "/stream", "/{result}"}
    asked = document["paths"][""]["post"]
    assert {one["name"] for one in asked["parameters"]} == {"dry", "store"}
    fields = asked["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert set(fields) == {"file", "dry", "store"}
    assert "X-Sonant-Result" in asked["responses"]["200"]["headers"]


def test_only_enhancers_are_served_and_in_one_piece(enhance_bundle: Path, extract_bundle: Path) -> None:
    with pytest.raises(BundleError, match="made for the task extract"):
        enhance.load(EnhanceApp(bundle=str(extract_bundle)))
    with pytest.raises(ValidationError, match="served fused"):
        EnhanceApp(bundle="x", placement="split")
    assert ExtractApp(bundle="x").placement == "fused"
