"""[ray] The console in a real browser, with a microphone that speaks a known word, served as users serve it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

Floats = NDArray[np.float32]
Clip = Callable[..., Floats]

ROUTE = "/v1/audio/classifications"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]  # fmt: skip
SIZES = {"desktop": (1200, 900), "phone": (390, 844)}
ARTEFACTS = Path(__file__).parents[2] / "build" / "screenshots"

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def url(tone_bundle: Path, run_serve: Callable[..., Any]) -> Generator[str]:
    classify = {
        "name": "classify",
        "route_prefix": ROUTE,
        "import_path": "serve_apps.classify:build",
        "args": {
            "bundle": str(tone_bundle),
            "providers": ["CPUExecutionProvider"],
            "limits": {"max_sessions": 1, "max_body_mib": 1},
        },
    }
    home = {"name": "home", "import_path": "serve_apps.home:build", "args": {"applications": {"classify": ROUTE}}}
    with run_serve({"applications": [classify, home]}) as base:
        yield f"{base}/"


@pytest.fixture(scope="module")
def browser(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Generator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium is not None, "the browser tests need Chromium: apt-get install chromium"
    spoken = np.concatenate([clip(word, rate_hz=48_000, seed=5) for word in ("_silence_", "rise", "_silence_")])
    microphone = tmp_path_factory.mktemp("microphone") / "rise.wav"
    sf.write(microphone, spoken, 48_000, subtype="PCM_16")
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield running
        running.close()


@contextmanager
def opened(
    browser: Browser, url: str, *, size: str = "desktop", theme: Any = "light", allowed: bool = True
) -> Generator[Page]:
    """The console in a fresh profile; a page that logs an error or asks another host fails the test."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        permissions=["microphone"],
        has_touch=size == "phone",
    )
    page = context.new_page()
    faults: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        # Chromium reports every refused upload as an error of its own.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            faults.append(message.text)

    def on_request(request: Request) -> None:
        if not request.url.startswith((url, "blob:", "ws" + url.removeprefix("http"))):
            faults.append(f"asked for {request.url}")

    page.on("console", on_console)
    page.on("request", on_request)
    page.on("pageerror", lambda error: faults.append(str(error)))
    try:
        page.goto(url)
        expect(page.locator("#status-text")).to_have_text("Ready", timeout=20_000)
        yield page
    finally:
        context.close()
    assert faults == []


def shoot(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(ARTEFACTS / f"{name}.png"), full_page=True)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_what_is_said_is_heard(browser: Browser, url: str, size: str, theme: str, clip: Clip, tmp_path: Path) -> None:
    with opened(browser, url, size=size, theme=theme) as page:
        listen = page.get_by_role("button", name="Listen")
        listen.click()
        expect(page.locator("#events li").first).to_be_visible(timeout=20_000)
        assert page.locator("#events li .label").first.inner_text() == "rise"
        assert re.fullmatch(r"\d:\d\d\.\d", page.locator("#events li .when").first.inner_text())
        expect(page.locator("#heard")).to_have_text("rise")
        expect(page.locator("#latency")).to_have_text(re.compile(r"answers in \d+ ms"))
        expect(page.get_by_role("meter")).not_to_have_attribute("aria-valuetext", "silent", timeout=20_000)
        recording = tmp_path / "fall.wav"
        sf.write(recording, clip("fall", seed=8), 16_000)
        page.locator("#file").set_input_files(recording)
        expect(page.locator("#answer-label")).to_have_text("fall", timeout=10_000)
        expect(page.locator("#file-bars li").first).to_contain_text("fall")
        shoot(page, f"{size}-{theme}")
        page.get_by_role("button", name="Stop").click()
        expect(listen).to_be_visible()
        expect(listen).to_have_attribute("aria-pressed", "false")
        words = page.locator("#events li .label").all_inner_texts()
        assert set(words) == {"rise"}
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"


def test_the_keyboard_is_enough(browser: Browser, url: str) -> None:
    with opened(browser, url) as page:
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        for _ in range(10):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "listen":
                break
        expect(page.locator("#listen")).to_be_focused()
        page.keyboard.press("Space")
        expect(page.locator("#listen")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#events li").first).to_be_visible(timeout=20_000)
        page.keyboard.press("Enter")
        expect(page.locator("#listen")).to_have_attribute("aria-pressed", "false", timeout=10_000)
        for _ in range(3):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "file":
                break
        expect(page.locator("#file")).to_be_focused()


PARTS = (
    'heading "sonant"', 'heading "Live"', 'heading "Recording"', 'button "Listen"', 'list "Now"', 'list "Heard"',
    'img "Waveform of the last eight seconds"', 'meter "Microphone level"', 'navigation "More"', "status",
)  # fmt: skip
NAME_OF = "one => one.ariaLabel || one.textContent.trim() || one.labels?.[0]?.textContent.trim()"
COLOURS = """() => {
  const painted = (one) => getComputedStyle(one).backgroundColor !== "rgba(0, 0, 0, 0)";
  return [...document.querySelectorAll("h1,h2,h3,p,a,button,span,strong,label")]
    .filter((one) => one.checkVisibility() && one.textContent.trim() && !one.closest(":disabled"))
    .map((one) => {
      let ground = one;
      while (!painted(ground) && ground !== document.body) ground = ground.parentElement;
      return [one.textContent.trim(), getComputedStyle(one).color, getComputedStyle(ground).backgroundColor];
    });
}"""


def test_everything_has_a_name_for_a_screen_reader(browser: Browser, url: str) -> None:
    with opened(browser, url) as page:
        tree = page.locator("body").aria_snapshot()
        for part in PARTS:
            assert part in tree, f"{part} is missing in\n{tree}"
        for control in page.locator("button:visible, input, a:visible").all():
            assert control.evaluate(NAME_OF), control.evaluate("one => one.outerHTML")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Browser, url: str, theme: str) -> None:
    """WCAG AA: 4.5 to 1 for text, from the computed colours."""
    with opened(browser, url, theme=theme) as page:
        pairs = page.evaluate(COLOURS)
    assert len(pairs) > 10
    for text, front, back in pairs:
        one, other = sorted((luminance(front), luminance(back)))
        assert (other + 0.05) / (one + 0.05) >= 4.5, f"{text}: {front} on {back}"


def luminance(colour: str) -> float:
    channels = [float(value) / 255 for value in re.findall(r"[\d.]+", colour)[:3]]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_errors_come_with_what_to_do(browser: Browser, url: str, tmp_path: Path) -> None:
    with opened(browser, url) as page:
        page.locator("#file").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"no sound"})
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("no audio format", timeout=10_000)
        expect(alert).to_contain_text("Send wav, flac, mp3")
        expect(alert).to_contain_text("Request ")
        shoot(page, "error")
        page.get_by_role("button", name="Dismiss").click()
        expect(alert).to_be_hidden()
        page.locator("#file").set_input_files({"name": "b.wav", "mimeType": "audio/wav", "buffer": bytes(2 << 20)})
        expect(alert).to_contain_text("larger than 1 MiB", timeout=10_000)


def test_a_full_server_and_a_lost_connection_are_told(browser: Browser, url: str) -> None:
    with opened(browser, url) as first:
        first.locator("#listen").click()
        expect(first.locator("#events li").first).to_be_visible(timeout=20_000)
        with opened(browser, url) as second:
            second.locator("#listen").click()
            expect(second.get_by_role("alert")).to_contain_text("live sessions are taken", timeout=10_000)
            expect(second.locator("#listen")).to_have_attribute("aria-pressed", "false")
        first.locator("#listen").click()
        expect(first.locator("#listen")).to_have_attribute("aria-pressed", "false", timeout=10_000)


def test_a_recording_can_be_dropped(browser: Browser, url: str, clip: Clip, tmp_path: Path) -> None:
    recording = tmp_path / "rise.flac"
    sf.write(recording, clip("rise", seed=9), 16_000)
    with opened(browser, url) as page:
        data = page.evaluate_handle(
            """(bytes) => {
              const transfer = new DataTransfer();
              transfer.items.add(new File([new Uint8Array(bytes)], "rise.flac", {type: "audio/flac"}));
              return transfer;
            }""",
            list(recording.read_bytes()),
        )
        page.dispatch_event("#drop", "drop", {"dataTransfer": data})
        expect(page.locator("#answer-label")).to_have_text("rise", timeout=10_000)
        expect(page.locator("#file-facts")).to_have_text("rise.flac, 1.00 s")
        expect(page.locator("#file-status")).to_have_text(re.compile("rise.flac: rise, 9\\d %|rise.flac: rise, 100 %"))


def test_the_api_page_lists_every_route(browser: Browser, url: str) -> None:
    with opened(browser, url) as page:
        page.get_by_role("link", name="API").click()
        expect(page.locator("summary").first).to_contain_text(ROUTE)
        text = page.locator("main").inner_text()
        for part in ("Classify a recording", "/stream", "/readyz", "audio.too_big", "curl -F file=@recording.wav"):
            assert part in text, part
        shoot(page, "api")
