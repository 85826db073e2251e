"""[ray] Enrolment and verification as users run them: three applications, several replicas, one folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from sonant.audio.wav import encode_wav

ROUTES = {"embed": "/v1/audio/embeddings", "verify": "/v1/audio/verifications", "speakers": "/v1/speakers"}

pytestmark = pytest.mark.timeout(400)


def voice(number: int, seed: int = 0) -> tuple[str, bytes, str]:
    time = np.arange(4000) / 8000
    wav_N = np.sum([np.sin(2 * np.pi * (200 + 130 * number) * n * time) / n for n in (1, 2)], axis=0)
    noise_N = np.random.default_rng(seed).standard_normal(len(time))
    return "a.wav", encode_wav((0.15 * wav_N + 0.003 * noise_N).astype(np.float32), 8000), "audio/wav"


def test_what_one_replica_enrols_the_others_verify(
    voice_bundle: Path, tmp_path: Path, run_serve: Callable[..., Any]
) -> None:
    common: dict[str, Any] = {"bundle": str(voice_bundle), "providers": ["CPUExecutionProvider"]}
    common |= {stage: {"num_cpus": 0.1} for stage in ("ingress", "model", "postprocess")}
    kept = {"speakers": str(tmp_path / "enrolled")}
    own: dict[str, dict[str, Any]] = {
        "embed": {},
        "verify": {**kept, "placement": "split"},
        "speakers": {**kept, "ingress": {"num_cpus": 0.1, "num_replicas": 2}},
    }
    applications: list[dict[str, Any]] = [
        {"name": name, "route_prefix": route, "import_path": f"serve_apps.{name}:build", "args": common | own[name]}
        for name, route in ROUTES.items()
    ]
    home = {"name": "home", "import_path": "serve_apps.home:build", "args": {"applications": ROUTES}}
    # Through JSON, because what is shared would be written as YAML anchors.
    with run_serve(json.loads(json.dumps({"applications": [*applications, home]}))) as url:
        vector = httpx.post(f"{url}{ROUTES['embed']}", files={"file": voice(2)}).json()["embedding"]
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
        speakers = f"{url}{ROUTES['speakers']}"
        made = httpx.post(speakers, files=[("file", voice(2)), ("file", voice(2, 1))], data={"ttl_s": "600"}).json()
        # Every replica is asked: more requests than there are replicas.
        assert [httpx.get(f"{speakers}/{made['id']}").json() for _ in range(6)] == [made] * 6
        found = httpx.post(
            f"{url}{ROUTES['verify']}", files={"file": voice(2, 7)}, data={"speaker": made["id"]}, timeout=30
        )
        assert found.json()["same"], found.text
        assert httpx.delete(f"{speakers}/{made['id']}").status_code == 204
        answers = [httpx.get(f"{speakers}/{made['id']}") for _ in range(4)]
        assert {answer.status_code for answer in answers} == {404}
        served = httpx.get(f"{url}/v1/models").json()["models"]
        assert {one["route"] for one in served} == set(ROUTES.values())
        assert {one["task"] for one in served} == {"embed"}
        paths = httpx.get(f"{url}/openapi.json").json()["paths"]
        assert {"/v1/speakers", "/v1/speakers/{speaker}", *ROUTES.values()} <= set(paths)
