"""The console's page for a model that takes noise out of speech, in a real browser: recordings and live."""

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

from serve_apps import enhance
from sonant.audio.decode import decode_path
from sonant.config.serve import EnhanceApp
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.level import level_dbfs

Floats = NDArray[np.float32]
Opened = Callable[..., AbstractContextManager[Page]]
Shoot = Callable[[Page, str], None]

pytestmark = [pytest.mark.timeout(400), pytest.mark.parametrize("tiny_enhancer", ["dual_path"], indirect=True)]


def noisy(seconds: float, rate_hz: int) -> Floats:
    """A gliding hum that comes and goes, in noise."""
    time_N = np.arange(int(seconds * rate_hz)) / rate_hz
    noise_N = 0.04 * np.random.default_rng(1).standard_normal(len(time_N))
    hum_N = 0.2 * np.sin(2 * np.pi * (200 + 150 * time_N) * time_N) * (np.sin(2 * np.pi * 0.8 * time_N) > 0)
    return (hum_N + noise_N).astype(np.float32)


@pytest.fixture(scope="module")
def app(enhance_bundle: Path) -> EnhanceApp:
    return EnhanceApp(bundle=str(enhance_bundle), providers=("CPUExecutionProvider",))


@pytest.fixture(scope="module")
def engine(app: EnhanceApp) -> EnhanceEngine:
    return enhance.load(app)[0]


@pytest.fixture
def url(app: EnhanceApp, run_app: Callable[..., Any], settle: Callable[..., Any]) -> Generator[str]:
    faces = {"enhance": ("/v1/audio/enhancements", enhance.create_face(app, *enhance.load(app)))}
    with run_app(settle(faces)) as base:
        yield f"{base}/"


@pytest.fixture(scope="module")
def browser(launch: Callable[..., AbstractContextManager[Browser]]) -> Generator[Browser]:
    with launch(noisy(4, 48_000)) as running:
        yield running


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
def test_a_recording_before_and_after_and_live(
    browser: Browser, opened: Opened, shoot: Shoot, fits: Callable[[Page], bool], url: str, engine: EnhanceEngine,
    tmp_path: Path, size: str, theme: str,
) -> None:  # fmt: skip
    path, rate_hz = tmp_path / "street.wav", engine.info.sample_rate_hz
    sf.write(path, noisy(3, 16_000), 16_000, subtype="PCM_16")
    noisy_N = decode_path(str(path), rate_hz=rate_hz, max_s=60)
    with opened(browser, url, page="enhance", size=size, theme=theme) as page:
        expect(page.locator("#voice-card")).to_be_hidden()
        expect(page.locator("#presence-part")).to_be_hidden()
        page.locator("#sound-file").set_input_files(path)
        told = page.locator("#sound-told")

        def levels(dry: float) -> str:
            wanted_N = engine.enhance(noisy_N, dry=dry)
            return f"{level_dbfs(noisy_N):.1f} dBFS in, {level_dbfs(wanted_N):.1f} dBFS out"

        expect(told).to_contain_text(levels(0), timeout=10_000)
        expect(page.locator("#sound-file-facts")).to_have_text("street.wav, 3.00 s")
        for name in ("noisy", "clean"):
            until_drawn(page.get_by_role("img", name=f"Waveform of the {name} recording"), 0.01)
            until_drawn(page.get_by_role("img", name=f"Spectrogram of the {name} recording"), 0.95)
        sides = page.get_by_role("group", name="What is heard")
        expect(sides.get_by_role("button", name="Clean")).to_have_attribute("aria-pressed", "true")
        sides.get_by_role("button", name="Noisy").press("Space")
        expect(sides.get_by_role("button", name="Clean")).to_have_attribute("aria-pressed", "false")
        page.get_by_label("Place in the recording").press("End")
        expect(page.locator("#ab .at")).to_have_text("0:03.0 / 0:03.0")
        expect(page.get_by_role("link", name="Save the clean file")).to_have_attribute(
            "download", "street.enhanced.wav"
        )

        page.get_by_label("How much of the original stays").press("ArrowRight")
        expect(page.locator("#dry-text")).to_have_text("5 %")
        expect(told).to_contain_text(levels(0.05), timeout=10_000)

        page.get_by_role("button", name="Listen").click()
        expect(page.locator("#sound-latency")).to_have_text(re.compile(r"^\d+ ms behind$"), timeout=20_000)
        expect(page.locator("#sound-gaps")).to_have_text(re.compile(r"^\d+ gaps?$"))
        page.get_by_role("button", name="Bypass").press("Enter")
        expect(page.get_by_role("button", name="Bypassed")).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_role("meter", name="Output level")).not_to_have_attribute("aria-valuenow", "-60")
        until_drawn(page.locator("#sound-wave"), 0.02)
        assert fits(page)
        shoot(page, f"enhance-{size}-{theme}")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#sound-listen")).to_have_attribute("aria-pressed", "false", timeout=10_000)
        expect(page.get_by_role("alert")).to_be_hidden()


def test_a_recording_is_made_and_sent(browser: Browser, opened: Opened, url: str) -> None:
    with opened(browser, url, page="enhance") as page:
        page.get_by_role("button", name="Record").press("Enter")
        expect(page.locator("#sound-record")).to_have_text("Stop 0:01", timeout=20_000)
        page.locator("#sound-record").press("Enter")
        expect(page.locator("#sound-told")).to_contain_text("dBFS out", timeout=10_000)
        expect(page.locator("#sound-file-facts")).to_have_text(re.compile(r"^recorded .*\.wav, \d\.\d\d s$"))


def test_the_spectrum_of_a_sine_is_where_it_is(browser: Browser, opened: Opened, url: str) -> None:
    with opened(browser, url, page="enhance") as page:
        powers = page.evaluate(
            """async () => {
              const { Fft } = await import("./console/fft.js");
              const tone = Float32Array.from({ length: 512 }, (_, at) => Math.sin((2 * Math.PI * 20 * at) / 256));
              return [...new Fft(256).powers(tone, 256)];
            }"""
        )
        assert len(powers) == 129
        assert int(np.argmax(powers)) == 20
        assert powers[20] == pytest.approx(1, abs=1e-3)
        assert max(powers[:18] + powers[23:]) < 1e-9
