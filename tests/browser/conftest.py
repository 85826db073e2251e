"""A real browser, with a microphone that plays a recording, and pages that must not log or ask elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from serve_apps import home
from serve_apps.classify import Face
from sonant.config.serve import HomeApp
from sonant.edge.metrics import Snapshot

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]  # fmt: skip
SIZES = {"desktop": (1200, 900), "phone": (380, 844)}
ARTEFACTS = Path(__file__).parents[2] / "build" / "screenshots"


@pytest.fixture(scope="session")
def launch(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[NDArray[np.float32]], AbstractContextManager[Browser]]:
    """Runs Chromium with a microphone that plays 48 kHz samples over and over: `with launch(wav_N) as browser`."""
    chromium = shutil.which("chromium")
    assert chromium is not None, "the browser tests need Chromium: apt-get install chromium"

    @contextmanager
    def run(wav_N: NDArray[np.float32]) -> Generator[Browser]:
        microphone = tmp_path_factory.mktemp("microphone") / "heard.wav"
        sf.write(microphone, wav_N, 48_000, subtype="PCM_16")
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
        with sync_playwright() as playwright:
            running = playwright.chromium.launch(executable_path=chromium, args=flags)
            yield running
            running.close()

    return run


@pytest.fixture(scope="session")
def opened() -> Callable[..., AbstractContextManager[Page]]:
    """The console in a fresh profile; a page that logs an error or asks another host fails the test."""

    @contextmanager
    def run(
        browser: Browser, url: str, *, page: str = "", size: str = "desktop", theme: Any = "light"
    ) -> Generator[Page]:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            permissions=["microphone"],
            has_touch=size == "phone",
        )
        tab = context.new_page()
        faults: list[str] = []

        def on_console(message: ConsoleMessage) -> None:
            # Chromium reports every refused upload as an error of its own.
            if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
                faults.append(message.text)

        def on_request(request: Request) -> None:
            if not request.url.startswith((url, "blob:", "ws" + url.removeprefix("http"))):
                faults.append(f"asked for {request.url}")

        tab.on("console", on_console)
        tab.on("request", on_request)
        tab.on("pageerror", lambda error: faults.append(str(error)))
        try:
            tab.goto(f"{url}#{page}" if page else url)
            expect(tab.locator("#status-text")).to_have_text("Ready", timeout=20_000)
            yield tab
        finally:
            context.close()
        assert faults == []

    return run


@pytest.fixture(scope="session")
def shoot() -> Callable[[Page, str], None]:
    """Keeps a picture of a page for people to look at."""

    def take(page: Page, name: str) -> None:
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(ARTEFACTS / f"{name}.png"), full_page=True)

    return take


class Town:
    """The home application and its neighbours behind one door, all in this process: name -> (route, face)."""

    def __init__(self, faces: Mapping[str, tuple[str, Face]]) -> None:
        self._faces = {name: made for name, (_, made) in faces.items()}
        self._doors: dict[str, Any] = {route: made.app for route, made in faces.values()}
        routes = {name: route for name, (route, _) in faces.items()}
        self._doors[""] = home.create_api(HomeApp(applications=routes), self)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        route = next(route for route in self._doors if f"{scope['path']}/".startswith(f"{route}/"))
        await self._doors[route]({**scope, "root_path": route}, receive, send)

    async def describe(self, name: str) -> dict[str, Any]:
        return {"model": self._faces[name].served.model_dump(mode="json"), "openapi": {"paths": {}}, "deployments": []}

    async def snapshots(self, name: str, deployments: list[str]) -> dict[str, Snapshot]:
        raise AssertionError(name)


@pytest.fixture(scope="session")
def settle() -> Callable[[Mapping[str, tuple[str, Face]]], Town]:
    """`Town`, for test modules, which cannot import this file."""
    return Town


@pytest.fixture(scope="session")
def fits() -> Callable[[Page], bool]:
    """Whether nothing is wider than the screen, and all that is pressed with a finger is large enough (WCAG 2.5.8)."""

    def check(page: Page) -> bool:
        small = page.evaluate(
            """() => [...document.querySelectorAll("button, select, input[type=text]")]
                 .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44)
                 .map((one) => one.id)"""
        )
        assert small == []
        return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))

    return check
