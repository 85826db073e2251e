"""[ray] Transcription as users run it: `sonant serve`, two replicas, OpenAI's own client."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from sonant.audio.wav import encode_wav

ROUTE = "/v1/audio/transcriptions"

pytestmark = pytest.mark.timeout(400)


def talk() -> bytes:
    rng = np.random.default_rng(0)
    wav_N = 1e-3 * rng.standard_normal(16_000 * 6)
    for start in (0.5, 3.5):
        time_s = np.arange(16_000) / 16_000
        wav_N[round(start * 16_000) :][:16_000] += 0.3 * np.abs(np.sin(12 * time_s)) * rng.standard_normal(16_000)
    return encode_wav(wav_N.astype(np.float32), 16_000)


def test_openai_clients_are_served(whisper_folder: Path, run_serve: Callable[..., Any]) -> None:
    engine = {"kind": "faster_whisper", "model": str(whisper_folder), "device": "cpu"}
    args = {"engine": engine, "ingress": {"num_cpus": 0.1, "num_replicas": 2}}
    path = "serve_apps.transcribe:build"
    applications = [
        {"name": "transcribe", "route_prefix": ROUTE, "import_path": path, "args": args},
        {"name": "home", "import_path": "serve_apps.home:build", "args": {"applications": {"transcribe": ROUTE}}},
    ]
    with (
        run_serve({"applications": applications}) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        [model] = client.models.list().data
        assert client.models.retrieve(model.id).id == model.id == "faster-whisper/tiny"
        create = client.audio.transcriptions.create
        texts = [create(model=model.id, file=("a.wav", talk())).text for _ in range(4)]
        assert set(texts) == {texts[0]}
        assert texts[0]
        told = create(model="whisper-1", file=("a.wav", talk()), response_format="verbose_json")
        assert told.segments is not None
        assert [round(one.start) for one in told.segments] == [0, 3]
        events = list(create(model="whisper-1", file=("a.wav", talk()), stream=True))
        assert [event.type for event in events] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
        assert events[-1].text == texts[0]
        with pytest.raises(openai.UnprocessableEntityError) as caught:
            create(model="whisper-1", file=("a.wav", talk()), response_format="pdf")  # type: ignore[call-overload]
        assert caught.value.code == "request.invalid"
        assert 'task="transcribe"' in httpx.get(f"{url}/metrics").text
