"""The console's page of a transcription engine in a real browser: a recording, its text by time, files to take away."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from playwright.sync_api import Page, expect

from serve_apps import home, transcribe
from sonant.config.load import check
from sonant.config.serve import HomeApp, TranscribeApp
from sonant.edge.metrics import Metrics
from sonant.runtime.transcribe.transcriber import open_transcriber

ROUTE = "/v1/audio/transcriptions"

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def url(whisper_folder: Path, run_app: Callable[..., Any]) -> Generator[str]:
    engine = {"kind": "faster_whisper", "model": str(whisper_folder), "device": "cpu"}
    app: TranscribeApp = check(TranscribeApp, {"engine": engine})
    transcriber = open_transcriber(app)
    api = transcribe.create_api(app, transcriber, Metrics("transcribe", "faster-whisper", "tiny"))

    class Neighbour:
        async def describe(self, name: str) -> dict[str, Any]:
            model = transcribe.describe(app, transcriber).model_dump(mode="json")
            return {"model": model, "openapi": {"paths": {}}, "deployments": []}

        async def snapshots(self, name: str, deployments: list[str]) -> dict[str, Any]:
            return {}

    front = home.create_api(HomeApp(applications={"transcribe": ROUTE}), Neighbour())

    async def both(scope: Any, receive: Any, send: Any) -> None:
        ours = scope["path"].startswith(ROUTE)
        await (api if ours else front)({**scope, "root_path": ROUTE if ours else ""}, receive, send)

    with run_app(both) as base:
        yield base


def test_a_recording_becomes_text(
    url: str,
    tmp_path: Path,
    launch: Callable[..., Any],
    opened: Callable[..., AbstractContextManager[Page]],
    shoot: Callable[[Page, str], None],
) -> None:
    rng = np.random.default_rng(0)
    wav_N = 1e-3 * rng.standard_normal(48_000 * 6)
    for start in (0.5, 3.5):
        time_s = np.arange(48_000) / 48_000
        wav_N[round(start * 48_000) :][:48_000] += 0.3 * np.abs(np.sin(12 * time_s)) * rng.standard_normal(48_000)
    sf.write(tmp_path / "talk.wav", wav_N, 48_000, subtype="PCM_16")
    with launch(wav_N.astype(np.float32)) as browser, opened(browser, url) as page:
        expect(page.locator("#model-facts")).to_have_text("faster-whisper/tiny, language en")
        page.get_by_role("button", name="Write it down").click()
        expect(page.get_by_role("alert")).to_contain_text("There is no recording")
        page.locator("#take-speech input[type=file]").set_input_files(tmp_path / "talk.wav")
        page.get_by_role("button", name="Write it down").click()
        lines = page.locator("#transcript-lines li")
        expect(lines).to_have_count(2, timeout=20_000)
        expect(lines.first).to_contain_text("w117")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download .srt").click()
        assert download.value.suggested_filename == "talk.srt"
        text = Path(download.value.path()).read_text()
        assert text.startswith("1\n00:00:00,")
        assert "\n\n2\n00:00:03," in text
        lines.nth(1).get_by_role("button").click()
        page.wait_for_function("document.getElementById('speech-player').currentTime >= 3.2")
        shoot(page, "transcribe")
        page.get_by_role("button", name="Record", exact=True).click()
        expect(page.get_by_role("button", name="Stop 0:01")).to_be_visible()
        page.get_by_role("button", name="Stop 0:01").click()
        page.get_by_role("button", name="Write it down").click()
        expect(page.locator("#transcript-status")).to_contain_text("recorded")
