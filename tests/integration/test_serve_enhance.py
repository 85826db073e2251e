"""[ray] Enhancement as users run it: `sonant ask`, `sonant listen --enhance`, and an answer that is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from sonant import cli
from sonant.audio.decode import decode
from sonant.audio.wav import encode_wav
from sonant.runtime.bundle import open_bundle
from sonant.runtime.denoiser import EnhanceEngine

RATE_HZ = 4000
ROUTE = "/v1/audio/enhancements"

pytestmark = [pytest.mark.timeout(400), pytest.mark.parametrize("tiny_enhancer", ["dual_path"], indirect=True)]


def test_noise_is_taken_out_of_files_and_live(
    enhance_bundle: Path, tmp_path: Path, run_serve: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    samples = 150 * RATE_HZ  # more than is sent in one piece
    noisy = encode_wav(0.1 * np.random.default_rng(1).standard_normal(samples).astype(np.float32), RATE_HZ)
    noisy_N = decode(noisy, rate_hz=RATE_HZ, max_s=600)
    wanted_N = np.clip(EnhanceEngine(open_bundle(enhance_bundle)).enhance(noisy_N, dry=0.1), -1, 1)
    (tmp_path / "noisy.wav").write_bytes(noisy)
    args: dict[str, Any] = {"bundle": str(enhance_bundle), "providers": ["CPUExecutionProvider"]}
    args |= {"ingress": {"num_cpus": 0.1}, "store_url": str(tmp_path / "kept")}
    enhance = {"name": "enhance", "route_prefix": ROUTE, "import_path": "serve_apps.enhance:build", "args": args}
    home = {"name": "home", "import_path": "serve_apps.home:build", "args": {"applications": {"enhance": ROUTE}}}
    with run_serve({"applications": [enhance, home]}) as url:
        out, live = tmp_path / "clean.wav", tmp_path / "live.wav"
        words = ["ask", "enhancements", str(tmp_path / "noisy.wav"), "--dry", "0.1", "--out", str(out), "--url", url]
        assert cli.main([*words, "--store"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["duration_s"] == 150
        np.testing.assert_allclose(decode(out.read_bytes(), rate_hz=RATE_HZ, max_s=600), wanted_N, atol=1.1 / 32768)
        kept = f"{url}{ROUTE}/{told['result']}"
        assert httpx.get(kept, timeout=30).content == out.read_bytes()
        assert httpx.delete(kept).status_code == 204
        assert httpx.get(kept).json()["error"]["code"] == "result.not_found"

        words = ["listen", "--enhance", url + ROUTE, "--file", str(tmp_path / "noisy.wav"), "--fast"]
        assert cli.main([*words, "--output", str(live)]) == 0
        assert json.loads(capsys.readouterr().out)["audio_s"] == pytest.approx(150, abs=1e-3)
        assert len(live.read_bytes()) == 44 + 2 * samples

        served = httpx.get(f"{url}/v1/models").json()["models"]
        assert [(one["application"], one["answer"]) for one in served] == [("enhance", "enhancement")]
        paths = set(httpx.get(f"{url}/openapi.json").json()["paths"])
        assert {ROUTE, f"{ROUTE}/stream", f"{ROUTE}/{{result}}"} <= paths
