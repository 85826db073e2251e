"""[ray] Extraction as users run it: enrolled by one application, followed by the other, from files and live."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.sync.client import connect

from sonant import cli
from sonant.audio.decode import decode
from sonant.audio.wav import encode_wav
from sonant.runtime.bundle import open_bundle
from sonant.runtime.voices import VoiceEngine

RATE_HZ = 4000
ROUTES = {"extract": "/v1/audio/extractions", "speakers": "/v1/speakers"}

pytestmark = [pytest.mark.timeout(400), pytest.mark.parametrize("extractor_kind", ["causal"], indirect=True)]


def wav(seed: int, samples: int) -> bytes:
    rng, time_N = np.random.default_rng(seed), np.arange(samples) / RATE_HZ
    tone_N = 0.2 * np.sin(2 * np.pi * (200 + 61 * seed) * time_N) + 0.02 * rng.standard_normal(samples)
    return encode_wav(tone_N.astype(np.float32), RATE_HZ)


def live(url: str, speaker: str, mix: bytes) -> bytes:
    heard = bytearray()
    with connect(f"ws{url.removeprefix('http')}{ROUTES['extract']}/stream", open_timeout=20) as client:
        client.send(json.dumps({"type": "start", "sample_rate_hz": RATE_HZ, "speaker": speaker}))
        assert json.loads(client.recv(timeout=20))["type"] == "ready"
        for at in range(44, len(mix), 500):
            client.send(mix[at : at + 500])
        client.send('{"type": "end"}')
        while isinstance(answer := client.recv(timeout=20), bytes) or json.loads(answer)["type"] != "done":
            heard += answer if isinstance(answer, bytes) else b""
    return bytes(heard)


def test_who_is_enrolled_is_followed_from_files_and_live(
    extract_bundle: Path, tmp_path: Path, run_serve: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    args: dict[str, Any] = {"bundle": str(extract_bundle), "providers": ["CPUExecutionProvider"]}
    args |= {"speakers": str(tmp_path / "enrolled"), "ingress": {"num_cpus": 0.1}}
    applications: list[dict[str, Any]] = [
        {"name": name, "route_prefix": route, "import_path": f"serve_apps.{name}:build", "args": args}
        for name, route in ROUTES.items()
    ]
    home = {"name": "home", "import_path": "serve_apps.home:build", "args": {"applications": ROUTES}}
    engine = VoiceEngine(open_bundle(extract_bundle))
    ref_N, mix_N = (decode(data, rate_hz=RATE_HZ, max_s=60) for data in (wav(3, 900), wav(2, 3001)))
    wanted_N = np.clip(engine.extract(mix_N, engine.enroll([ref_N])).wav_BN, -1, 1)
    # Through JSON, because what is shared would be written as YAML anchors.
    with run_serve(json.loads(json.dumps({"applications": [*applications, home]}))) as url:
        made = httpx.post(f"{url}{ROUTES['speakers']}", files={"file": ("a.wav", wav(3, 900))}, timeout=30).json()
        files = {"file": ("m.wav", wav(2, 3001))}
        answer = httpx.post(f"{url}{ROUTES['extract']}", files=files, data={"speaker": made["id"]}, timeout=30)
        assert answer.headers["x-sonant-model"] == engine.info.id
        np.testing.assert_allclose(decode(answer.content, rate_hz=RATE_HZ, max_s=60), wanted_N, atol=1.1 / 32768)
        heard_N = np.frombuffer(live(url, made["id"], wav(2, 3001)), "<i2") / 32768
        np.testing.assert_allclose(heard_N, wanted_N, atol=1.1 / 32768)

        for name, data in (("ref.wav", wav(3, 900)), ("mix.wav", wav(2, 3001))):
            (tmp_path / name).write_bytes(data)
        words = ["ask", "extractions", str(tmp_path / "mix.wav"), "--reference", str(tmp_path / "ref.wav")]
        assert cli.main([*words, "--out", str(tmp_path / "voice.wav"), "--url", url]) == 0
        assert json.loads(capsys.readouterr().out)["sample_rate_hz"] == RATE_HZ
        assert (tmp_path / "voice.wav").read_bytes() == answer.content

        served = {one["application"]: one for one in httpx.get(f"{url}/v1/models").json()["models"]}
        assert {name: one["answer"] for name, one in served.items()} == {
            "extract": "extraction",
            "speakers": "enrolment",
        }
        document = httpx.get(f"{url}/openapi.json").json()
        assert {ROUTES["extract"], f"{ROUTES['extract']}/stream", ROUTES["speakers"]} <= set(document["paths"])
        assert {"SoundAnswer", "Error"} <= set(document["components"]["schemas"])
        counted = httpx.get(f"{url}/metrics", timeout=30).text
        assert 'sonant_sessions_total{model="causal",outcome="done"' in counted
