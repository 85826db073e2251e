"""The console's page for a model that answers with sound, in a real browser: whose voice, live, and in a recording."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, expect

from serve_apps import extract, speakers
from sonant.audio.decode import decode_path
from sonant.config.serve import ExtractApp, SpeakersApp
from sonant.runtime.level import level_dbfs
from sonant.runtime.voices import VoiceEngine

Floats = NDArray[np.float32]
Opened = Callable[..., AbstractContextManager[Page]]
Shoot = Callable[[Page, str], None]

pytestmark = [pytest.mark.timeout(400), pytest.mark.parametrize("extractor_kind", ["causal"], indirect=True)]


def hum(seed: int, seconds: float, rate_hz: int) -> Floats:
    time_N = np.arange(int(seconds * rate_hz)) / rate_hz
    swell_N = 1 + np.sin(2 * np.pi * 2 * time_N + seed)
    return (0.15 * swell_N * np.sin(2 * np.pi * (180 + 50 * seed) * time_N)).astype(np.float32)


@pytest.fixture(scope="module")
def engine(extract_bundle: Path) -> VoiceEngine:
    return extract.load(ExtractApp(bundle=str(extract_bundle)))[0]


@pytest.fixture
def url(
    extract_bundle: Path, tmp_path: Path, run_app: Callable[..., Any], settle: Callable[..., Any]
) -> Generator[str]:
    common: dict[str, Any] = {
        "bundle": str(extract_bundle), "providers": ("CPUExecutionProvider",), "speakers": str(tmp_path / "enrolled"),
    }  # fmt: skip
    app, enrols = ExtractApp(**common), SpeakersApp(**common)
    faces = {
        "speakers": ("/v1/speakers", speakers.create_voice_face(enrols, *extract.load(enrols))),
        "extract": ("/v1/audio/extractions", extract.create_face(app, *extract.load(app))),
    }
    with run_app(settle(faces)) as base:
        yield f"{base}/"


@pytest.fixture(scope="module")
def browser(launch: Callable[..., AbstractContextManager[Browser]]) -> Generator[Browser]:
    with launch(hum(3, 4, 48_000)) as running:
        yield running


def saved(folder: Path, name: str, wav_N: Floats, rate_hz: int = 16_000) -> Path:
    sf.write(folder / name, wav_N, rate_hz, subtype="PCM_16")
    return folder / name


def until_drawn(canvas: Locator, share: float) -> None:
    expect(canvas).to_be_visible()
    canvas.page.wait_for_function(
        """([canvas, share]) => {
          const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          let painted = 0;
          for (let at = 3; at < pixels.length; at += 4) painted += pixels[at] > 0;
          return painted / (pixels.length / 4) > share;
        }""",
        arg=[canvas.element_handle(), share],
        timeout=20_000,
    )


@pytest.mark.parametrize(("size", "theme"), [("desktop", "light"), ("phone", "dark")])
def test_a_voice_is_followed_in_a_recording_and_live(
    browser: Browser, opened: Opened, shoot: Shoot, fits: Callable[[Page], bool], url: str, engine: VoiceEngine,
    tmp_path: Path, size: str, theme: str,
) -> None:  # fmt: skip
    mixture = saved(tmp_path, "meeting.wav", hum(1, 3, 16_000) + hum(4, 3, 16_000))
    reference = saved(tmp_path, "anna.wav", hum(1, 2, 16_000))
    rate_hz = engine.info.sample_rate_hz
    mix_N, ref_N = (decode_path(str(path), rate_hz=rate_hz, max_s=60) for path in (mixture, reference))
    wanted_N = engine.extract(mix_N, engine.enroll([ref_N])).wav_BN
    with opened(browser, url, page="extract", size=size, theme=theme) as page:
        expect(page.locator("#hear-view")).to_be_hidden()
        expect(page.locator("#model-facts")).to_contain_text("4 kHz")
        page.get_by_role("button", name="Listen").click()
        expect(page.get_by_role("alert")).to_contain_text("whose voice is wanted")
        voice = page.get_by_role("group", name="A few seconds of the voice alone")
        voice.locator("input").set_input_files(reference)

        page.locator("#sound-file").set_input_files(mixture)
        told = page.locator("#sound-told")
        expect(told).to_contain_text(
            f"{level_dbfs(mix_N):.1f} dBFS in, {level_dbfs(wanted_N):.1f} dBFS out", timeout=10_000
        )
        expect(told).to_contain_text(re.compile(r"presence \d+ %"))
        expect(page.get_by_role("alert")).to_be_hidden()
        expect(page.locator("#sound-file-facts")).to_have_text("meeting.wav, 3.00 s")
        until_drawn(page.get_by_role("img", name="Waveform of the mixture"), 0.05)
        until_drawn(page.get_by_role("img", name="Waveform of the voice"), 0.01)
        heard = page.get_by_role("group", name="What is heard")
        expect(heard.get_by_role("button", name="Voice")).to_have_attribute("aria-pressed", "true")
        page.get_by_label("Place in the recording").press("End")
        expect(page.locator("#ab .at")).to_have_text("0:03.0 / 0:03.0")
        page.get_by_role("button", name="Play").press("Enter")
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        heard.get_by_role("button", name="Mixture").press("Space")
        expect(heard.get_by_role("button", name="Voice")).to_have_attribute("aria-pressed", "false")
        expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=10_000)
        expect(page.locator("#ab .at")).to_have_text(re.compile(r"0:0[23]\.\d / 0:03\.0"))

        page.get_by_role("button", name="Listen").click()
        expect(page.locator("#sound-latency")).to_have_text(re.compile(r"^\d+ ms behind$"), timeout=20_000)
        expect(page.locator("#presence-text")).to_have_text(re.compile(r"^\d+ %$"), timeout=10_000)
        expect(page.get_by_role("meter", name="Output level")).not_to_have_attribute("aria-valuenow", "-60")
        until_drawn(page.locator("#sound-wave"), 0.02)
        assert fits(page)
        shoot(page, f"extract-{size}-{theme}")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#sound-listen")).to_have_attribute("aria-pressed", "false", timeout=10_000)
        expect(page.get_by_role("alert")).to_be_hidden()


def test_who_is_enrolled_is_followed_at_once(browser: Browser, opened: Opened, url: str, tmp_path: Path) -> None:
    with opened(browser, url, page="extract") as page:
        page.get_by_label("Name").fill("Ada")
        enrol = page.get_by_role("group", name="Recordings of the voice")
        enrol.locator("input").set_input_files(
            [saved(tmp_path, f"{take}.wav", hum(take, 1, 16_000)) for take in (1, 2)]
        )
        page.get_by_role("button", name="Enrol", exact=True).press("Enter")
        expect(page.locator("#enrol-status")).to_contain_text("Ada is enrolled until", timeout=10_000)
        expect(page.get_by_label("Follow").locator("option:checked")).to_have_text("Ada")
        expect(page.locator("#take-voice")).to_be_hidden()
        page.locator("#sound-file").set_input_files(saved(tmp_path, "mix.wav", hum(1, 1, 16_000)))
        expect(page.locator("#sound-told")).to_contain_text("dBFS out", timeout=10_000)
        page.get_by_role("button", name="Listen").press("Enter")
        expect(page.locator("#sound-latency")).to_have_text(re.compile(r"^\d+ ms behind$"), timeout=20_000)
        page.get_by_role("button", name="Stop").press("Enter")
        expect(page.locator("#sound-listen")).to_have_attribute("aria-pressed", "false", timeout=10_000)

        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete Ada").click()
        expect(page.locator("#take-voice")).to_be_visible(timeout=10_000)


def test_the_player_keeps_the_sound_in_order(browser: Browser, opened: Opened, url: str) -> None:
    """Three chunks rendered by the worklet itself: every sample once and in order, then silence. They may come while it
    renders already: so little is asked for before it plays that it goes on after every gap."""
    with opened(browser, url, page="extract") as page:
        rendered = page.evaluate(
            """async () => {
              const context = new OfflineAudioContext(1, 8000, 8000);
              await context.audioWorklet.addModule("console/player.worklet.js");
              const processorOptions = { startS: 0.01, mostS: 0.5 };
              const shape = { numberOfInputs: 0, outputChannelCount: [1], processorOptions };
              const node = new AudioWorkletNode(context, "player", shape);
              node.connect(context.destination);
              for (let at = 0; at < 3; at += 1) {
                node.port.postMessage(Float32Array.from({ length: 300 }, (_, index) => (300 * at + index + 1) / 1000));
              }
              for (let at = 1; at < 8; at += 1) {
                context.suspend(at / 10).then(() => setTimeout(() => context.resume(), 100));
              }
              return [...(await context.startRendering()).getChannelData(0)];
            }"""
        )
        heard = [round(1000 * sample) for sample in rendered if sample]
        assert heard == list(range(1, len(heard) + 1))
        assert len(heard) == 896  # of 900: seven whole blocks
