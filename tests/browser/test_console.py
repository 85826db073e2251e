"""[ray] The console in a real browser, with a microphone that speaks a known word, served as users serve it."""

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
from playwright.sync_api import Browser, Page, expect

Floats = NDArray[np.float32]
Clip = Callable[..., Floats]

ROUTE = "/v1/audio/classifications"
Opened = Callable[..., AbstractContextManager[Page]]
Shoot = Callable[[Page, str], None]

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
def browser(clip: Clip, launch: Callable[..., AbstractContextManager[Browser]]) -> Generator[Browser]:
    spoken = [clip(word, rate_hz=48_000, seed=5) for word in ("_silence_", "rise", "_silence_")]
    with launch(np.concatenate(spoken)) as running:
        yield running


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_what_is_said_is_heard(
    browser: Browser, opened: Opened, shoot: Shoot, url: str, size: str, theme: str, clip: Clip, tmp_path: Path
) -> None:
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


def test_the_keyboard_is_enough(browser: Browser, opened: Opened, url: str) -> None:
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


def test_everything_has_a_name_for_a_screen_reader(browser: Browser, opened: Opened, url: str) -> None:
    with opened(browser, url) as page:
        tree = page.locator("body").aria_snapshot()
        for part in PARTS:
            assert part in tree, f"{part} is missing in\n{tree}"
        for control in page.locator("button:visible, input, a:visible").all():
            assert control.evaluate(NAME_OF), control.evaluate("one => one.outerHTML")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Browser, opened: Opened, url: str, theme: str) -> None:
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


def test_errors_come_with_what_to_do(browser: Browser, opened: Opened, shoot: Shoot, url: str) -> None:
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


def test_a_full_server_and_a_lost_connection_are_told(browser: Browser, opened: Opened, url: str) -> None:
    with opened(browser, url) as first:
        first.locator("#listen").click()
        expect(first.locator("#events li").first).to_be_visible(timeout=20_000)
        with opened(browser, url) as second:
            second.locator("#listen").click()
            expect(second.get_by_role("alert")).to_contain_text("live sessions are taken", timeout=10_000)
            expect(second.locator("#listen")).to_have_attribute("aria-pressed", "false")
        first.locator("#listen").click()
        expect(first.locator("#listen")).to_have_attribute("aria-pressed", "false", timeout=10_000)


def test_a_recording_can_be_dropped(browser: Browser, opened: Opened, url: str, clip: Clip, tmp_path: Path) -> None:
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


def test_the_api_page_lists_every_route(browser: Browser, opened: Opened, shoot: Shoot, url: str) -> None:
    with opened(browser, url) as page:
        page.get_by_role("link", name="API").click()
        expect(page.locator("summary").first).to_contain_text(ROUTE)
        text = page.locator("main").inner_text()
        for part in ("Classify a recording", "/stream", "/readyz", "audio.too_big", "curl -F file=@recording.wav"):
            assert part in text, part
        shoot(page, "api")
