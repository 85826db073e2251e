"""The files that an enhancer's bundle writes, and what it says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sonant import cli
from sonant.audio.decode import decode_path
from sonant.audio.wav import encode_wav
from sonant.errors import ConfigError, ModelError
from sonant.measure.infer_enhance import enhance_files
from sonant.runtime.bundle import open_bundle
from sonant.runtime.denoiser import EnhanceEngine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, (name, samples) in enumerate({"a": 9501, "b.c": 800}.items()):
        wav_N = 0.1 * np.random.default_rng(seed).standard_normal(samples)
        (tmp_path / f"{name}.wav").write_bytes(encode_wav(wav_N, 4000))
    (tmp_path / "broken.wav").write_bytes(b"no audio at all")
    return tmp_path


def read(path: Path | str) -> Any:
    return decode_path(str(path), rate_hz=4000, max_s=10)


@pytest.mark.parametrize("dry", [0.0, 0.25])
def test_each_recording_becomes_a_file_of_its_length(enhance_bundle: Path, folder: Path, dry: float) -> None:
    names = [str(folder / name) for name in ("a.wav", "broken.wav", "b.c.wav")]
    lines = list(enhance_files(str(enhance_bundle), names, dry=dry))
    assert [line["path"] for line in lines] == names
    assert lines[1]["error"]["code"].startswith("audio.")
    engine = EnhanceEngine(open_bundle(enhance_bundle))
    for line, place in ((lines[0], "a.enhanced.wav"), (lines[2], "b.c.enhanced.wav")):
        assert line["wav"] == str(folder / place)
        noisy_N = read(line["path"])
        wanted_N = dry * noisy_N + (1 - dry) * engine.enhance(noisy_N)
        np.testing.assert_allclose(read(line["wav"]), np.clip(wanted_N, -1, 1), atol=1 / 32768)
        assert line["level_db"] == pytest.approx(10 * np.log10((wanted_N**2).sum() / (noisy_N**2).sum()), abs=0.01)


def test_the_verb_writes_where_it_is_told(
    enhance_bundle: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "out" / "deep"
    words = ["infer", str(enhance_bundle), str(folder / "a.wav"), "--dry", "1"]
    assert cli.main([*words, "--out", str(out)]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["wav"] == str(out / "a.enhanced.wav")
    np.testing.assert_allclose(read(line["wav"]), read(folder / "a.wav"), atol=1 / 32768)


def test_what_makes_no_sense_is_said(enhance_bundle: Path, extract_bundle: Path, folder: Path) -> None:
    with pytest.raises(ConfigError, match="no share"):
        enhance_files(str(enhance_bundle), [str(folder / "a.wav")], dry=3)
    with pytest.raises(ModelError, match="takes no noise"):
        enhance_files(str(extract_bundle), [str(folder / "a.wav")])
