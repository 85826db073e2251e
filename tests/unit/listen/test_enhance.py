"""Live sound without its noise: the same by a bundle here and by a server, and into files."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from serve_apps import enhance as served
from sonant import cli
from sonant.audio.decode import decode_path
from sonant.audio.wav import encode_wav
from sonant.config.serve import EnhanceApp
from sonant.listen.enhance import by_bundle, by_server, enhance_live
from sonant.listen.output import FileOutput
from sonant.listen.source import Played
from sonant.runtime.bundle import open_bundle
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.level import level_dbfs

Floats = NDArray[np.float32]
RATE_HZ = 4000

pytestmark = pytest.mark.parametrize("tiny_enhancer", ["dual_path"], indirect=True)


def sound(samples: int) -> Floats:
    rng, time_N = np.random.default_rng(1), np.arange(samples) / RATE_HZ
    wav_N = 0.2 * np.sin(2 * np.pi * 300 * time_N) + 0.02 * rng.standard_normal(samples)
    return (np.rint(wav_N * 32768) / 32768).astype(np.float32)


@pytest.fixture(scope="module")
def engine(enhance_bundle: Path) -> EnhanceEngine:
    return EnhanceEngine(open_bundle(enhance_bundle))


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    (tmp_path / "noisy.wav").write_bytes(encode_wav(sound(9001), RATE_HZ))
    return tmp_path / "noisy.wav"


@pytest.fixture(scope="module")
def url(enhance_bundle: Path, run_app: Callable[..., Any]) -> Generator[str]:
    app = EnhanceApp(bundle=str(enhance_bundle), providers=("CPUExecutionProvider",))
    with run_app(served.create_face(app, *served.load(app)).app, "/v1/audio/enhancements") as base:
        yield base


@pytest.mark.parametrize("dry", [0.0, 0.25])
def test_a_file_goes_in_and_comes_out(engine: EnhanceEngine, noisy: Path, url: str, tmp_path: Path, dry: float) -> None:
    wanted_N = np.clip(engine.enhance(sound(9001), dry=dry), -1, 1)
    for name, enhance in (("here", by_bundle(engine, dry=dry)), ("there", by_server(url, dry=dry))):
        out = tmp_path / f"{name}.wav"
        readings = list(enhance_live(Played(str(noisy), RATE_HZ, fast=True), enhance, FileOutput(str(out))))
        np.testing.assert_allclose(decode_path(str(out), rate_hz=RATE_HZ, max_s=60), wanted_N, atol=1.1 / 32768)
        assert readings[-1].time_s == pytest.approx(9001 / RATE_HZ)
        assert len(readings) >= 8
        assert readings[3].output_dbfs == pytest.approx(level_dbfs(wanted_N), abs=3)
        assert (readings[-1].lost_s, readings[-1].gaps) == (0, 0)
        assert "dBFS" in readings[0].line()


def test_the_verb(
    enhance_bundle: Path, url: str, noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for ref in (str(enhance_bundle), url):
        out = tmp_path / "clean.wav"
        words = ["listen", "--enhance", ref, "--file", str(noisy), "--fast", "--output", str(out), "--dry", "1"]
        assert cli.main(words) == 0
        told = capsys.readouterr()
        assert json.loads(told.out) == {"audio_s": 2.2502, "lost_s": 0, "gaps": 0}
        assert "ms behind" in told.err
        whole_N = decode_path(str(out), rate_hz=RATE_HZ, max_s=60)
        # A server is sent 16 kHz, whatever the file has.
        np.testing.assert_allclose(whole_N[:9001][100:-100], sound(9001)[100:-100], atol=1e-4 if ref != url else 0.05)
    for words in (["--dry", "2"], ["--url", url], ["--point", "low_fa"]):
        assert cli.main(["listen", "--enhance", str(enhance_bundle), "--file", str(noisy), *words]) == 2
