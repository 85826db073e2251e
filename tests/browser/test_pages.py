"""The console's pages for detectors, embedders and emotions in a real browser; all applications in this process."""

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

from serve_apps import classify, detect, embed, speakers, verify
from sonant.audio.resample import resample
from sonant.config.serve import (
    ClassifyApp,
    DetectApp,
    EmbedApp,
    ModelApp,
    SpeakersApp,
    VerifyApp,
)
from sonant.data.corpus import Corpus
from sonant.runtime.infer import classify as answer_of

Floats = NDArray[np.float32]
Opened = Callable[..., AbstractContextManager[Page]]
Shoot = Callable[[Page, str], None]
Fits = Callable[[Page], bool]

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def engines() -> dict[str, Any]:
    """Those of the applications, by name."""
    return {}


@pytest.fixture(scope="module")
def town(
    tone_bundle: Path,
    detect_bundle: Path,
    voice_bundle: Path,
    tmp_path_factory: pytest.TempPathFactory,
    settle: Callable[..., Any],
    engines: dict[str, Any],
) -> Any:
    cpu: dict[str, Any] = {"providers": ("CPUExecutionProvider",)}
    kept, voice = str(tmp_path_factory.mktemp("enrolled")), {"bundle": str(voice_bundle), **cpu}
    emotion = ClassifyApp(bundle=str(tone_bundle), answer="emotion", **cpu)
    faces: dict[str, tuple[str, classify.Face]] = {}
    apps: dict[str, tuple[str, ModelApp, Callable[..., classify.Face]]] = {
        "detect": ("/v1/audio/detections", DetectApp(bundle=str(detect_bundle), **cpu), detect.create_face),
        "emotion": ("/v1/audio/emotions", emotion, classify.create_face),
        "embed": ("/v1/audio/embeddings", EmbedApp(**voice), embed.create_face),
        "verify": ("/v1/audio/verifications", VerifyApp(**voice, speakers=kept), verify.create_face),
        "speakers": ("/v1/speakers", SpeakersApp(**voice, speakers=kept), speakers.create_face),
    }
    for name, (route, app, create) in apps.items():
        engines[name], metrics = classify.load(app)
        faces[name] = route, create(app, engines[name], classify.fused(app, engines[name], metrics), metrics)
    return settle(faces)


@pytest.fixture(scope="module")
def url(town: Any, run_app: Callable[..., Any]) -> Generator[str]:
    with run_app(town) as base:
        yield f"{base}/"


@pytest.fixture(scope="module")
def bursts(burst_corpus: str) -> Floats:
    """10 s at 8 kHz with bursts like a voice in noise."""
    corpus = Corpus.open(burst_corpus)
    return np.concatenate([corpus.read(row) for row in (1, 2, 4)])[:80_000].astype(np.float32) / 32768


@pytest.fixture(scope="module")
def browser(bursts: Floats, launch: Callable[..., AbstractContextManager[Browser]]) -> Generator[Browser]:
    with launch(resample(bursts, 8000, 48_000)) as running:
        yield running


def voice(folder: Path, number: int, take: int) -> Path:
    """A recording of a "voice": two overtones of its own pitch."""
    time = np.arange(8000) / 8000
    wav_N = np.sum([np.sin(2 * np.pi * (200 + 130 * number) * n * time) / n for n in (1, 2)], axis=0)
    path = folder / f"voice{number}-{take}.wav"
    sf.write(path, 0.15 * wav_N + 0.003 * np.random.default_rng(take).standard_normal(len(time)), 8000)
    return path


def tinted(canvas: Locator) -> float:
    """The share of a waveform's columns that lie in a segment, read from the pixels of its lower edge."""
    return float(
        canvas.evaluate(
            """(canvas) => {
              const row = canvas.getContext("2d").getImageData(0, canvas.height - 12, canvas.width, 1).data;
              let inside = 0;
              for (let at = 3; at < row.length; at += 4) inside += row[at] > 0;
              return inside / canvas.width;
            }"""
        )
    )


@pytest.mark.parametrize(("size", "theme"), [("desktop", "light"), ("phone", "dark")])
def test_a_detector_shows_segments_on_the_waveform(
    browser: Browser, opened: Opened, shoot: Shoot, fits: Fits, url: str, engines: dict[str, Any], bursts: Floats,
    tmp_path: Path, size: str, theme: str,
) -> None:  # fmt: skip
    recording = tmp_path / "bursts.wav"
    sf.write(recording, bursts, 8000, subtype="PCM_16")
    heard = answer_of(engines["detect"], np.rint(bursts * 32768).astype(np.float32) / 32768)
    found: list[Any] = heard["segments"]
    with opened(browser, url, page="detect", size=size, theme=theme) as page:
        page.locator("#file").set_input_files(recording)
        expect(page.locator("#answer-label")).to_have_text(f"{len(found)} segments", timeout=10_000)
        expect(page.locator("#spans button")).to_have_count(len(found))
        first = page.locator("#spans button").first
        expect(first).to_contain_text(f"0:{found[0]['t_start']:04.1f} to 0:{found[0]['t_end']:04.1f}")
        share = sum(one["t_end"] - one["t_start"] for one in found) / 10
        assert tinted(page.locator("#file-wave")) == pytest.approx(share, abs=0.04)

        expect(page.locator("#hear-view").get_by_label("Operating point")).to_have_value("balanced")
        page.locator("#hear-view").get_by_label("Operating point").select_option("low fa")
        strict = answer_of(engines["detect"], np.rint(bursts * 32768).astype(np.float32) / 32768, "low_fa")
        shown = sum(one["t_end"] - one["t_start"] for one in strict["segments"])
        expect(page.locator("#answer-score")).to_have_text(f"{shown:.1f} of 10.0 s", timeout=10_000)

        page.get_by_role("button", name="Listen").click()
        expect(page.locator("#events .label").first).to_have_text("speech", timeout=20_000)
        expect(page.locator("#events .when").first).to_have_text(re.compile(r"^\d:\d\d\.\d to \d:\d\d\.\d$"))
        assert fits(page)
        shoot(page, f"detect-{size}-{theme}")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#listen")).to_have_attribute("aria-pressed", "false", timeout=10_000)


@pytest.mark.parametrize(("size", "theme"), [("desktop", "dark"), ("phone", "light")])
def test_speakers_are_compared_enrolled_and_forgotten(
    browser: Browser, opened: Opened, shoot: Shoot, fits: Fits, url: str, tmp_path: Path, size: str, theme: str
) -> None:
    with opened(browser, url, page="embed", size=size, theme=theme) as page:
        expect(page.locator("#hear-view")).to_be_hidden()
        first, second = (page.get_by_role("group", name=f"{which} recording") for which in ("First", "Second"))
        compare = page.get_by_role("button", name="Compare")
        compare.click()
        expect(page.get_by_role("alert")).to_contain_text("first recording is missing")
        first.locator("input").set_input_files(voice(tmp_path, 2, 0))
        for number, verdict in ((8, "Different speakers"), (2, "The same speaker")):
            second.locator("input").set_input_files(voice(tmp_path, number, 1))
            compare.click()
            expect(page.locator("#verdict-text")).to_have_text(verdict, timeout=10_000)
            expect(page.locator("#verdict-status")).to_contain_text("the same from")
            expect(page.get_by_role("alert")).to_be_hidden()

        enrolled = page.get_by_role("list", name="Enrolled speakers")
        page.get_by_label("Name").fill("Ada <b>")
        page.locator("#take-enrol input").set_input_files([voice(tmp_path, 2, take) for take in (2, 3)])
        page.get_by_role("button", name="Enrol").press("Enter")
        expect(page.locator("#enrol-status")).to_contain_text("Ada <b> is enrolled until", timeout=10_000)
        expect(enrolled.get_by_role("listitem")).to_contain_text("2 recordings, 2.0 s")
        page.get_by_label("Compare with").select_option("Ada <b>")
        expect(second).to_be_hidden()
        compare.click()
        expect(page.locator("#verdict-text")).to_have_text("The same speaker", timeout=10_000)
        assert fits(page)
        shoot(page, f"speakers-{size}-{theme}")

        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete Ada <b>").click()
        expect(page.locator("#speakers-empty")).to_be_visible(timeout=10_000)
        expect(second).to_be_visible()


def test_a_recording_can_be_made_with_the_microphone(
    browser: Browser, opened: Opened, url: str, tmp_path: Path
) -> None:
    with opened(browser, url, page="embed") as page:
        first = page.get_by_role("group", name="First recording")
        record = first.get_by_role("button", name="Record")
        record.evaluate("(button) => { button.click(); button.click(); }")  # given up before the microphone is there
        record.press("Space")
        expect(first.get_by_role("button", name="Stop 0:01")).to_be_visible(timeout=10_000)
        first.get_by_role("button", name="Stop").press("Space")
        expect(first.get_by_role("listitem")).to_contain_text("recorded")
        page.get_by_role("group", name="Second recording").locator("input").set_input_files(voice(tmp_path, 2, 0))
        page.get_by_role("button", name="Compare").click()
        expect(page.locator("#verdict-text")).to_be_visible(timeout=10_000)
        first.get_by_role("button", name="Remove").click()
        expect(first.get_by_role("button", name="Record")).to_be_focused()


def test_an_emotion_is_shown_along_the_recording(
    browser: Browser, opened: Opened, shoot: Shoot, url: str, clip: Callable[..., Floats], tmp_path: Path
) -> None:
    recording = tmp_path / "moods.wav"
    sf.write(
        recording, np.concatenate([clip(word, seed=3) for word in ("rise", "rise", "rise", "fall", "fall")]), 16_000
    )
    with opened(browser, url, page="emotion") as page:
        page.locator("#file").set_input_files(recording)
        expect(page.locator("#answer-label")).to_have_text("rise", timeout=10_000)
        labels = page.locator("#spans .label")
        expect(labels.first).to_have_text("rise")
        expect(labels.last).to_have_text("fall")
        expect(page.locator("#spans .when").first).to_have_text(re.compile("^0:00.0 to "))
        assert tinted(page.locator("#file-wave")) > 0.95
        shoot(page, "emotion")


def test_models_are_chosen_and_everything_has_a_name(browser: Browser, opened: Opened, url: str) -> None:
    name = "one => one.ariaLabel || one.textContent.trim() || one.labels?.[0]?.textContent.trim()"
    with opened(browser, url) as page:
        options = page.get_by_label("Model").locator("option").all_inner_texts()
        assert [text.split(":")[0] for text in options] == ["detect", "emotion", "embed"]
        for option in options:
            page.get_by_label("Model").select_option(option)
            assert page.url.endswith(f"#{option.split(':')[0]}")
            controls = page.locator("button:visible, input:visible, select:visible, a:visible").all()
            assert len(controls) > 4
            for control in controls:
                assert control.evaluate(name), control.evaluate("one => one.outerHTML")
        tree = page.locator("body").aria_snapshot()
        for part in ('heading "Same speaker?"', 'group "First recording"', 'button "Compare"', 'textbox "Name"'):
            assert part in tree, f"{part} is missing in\n{tree}"
