"""Whisper models: hashes first, then words."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from sonant.config.transcribe import WhisperEngine
from sonant.errors import BundleError
from sonant.runtime.transcribe.engine import open_engine
from sonant.runtime.transcribe.heard import Ask


def config(model: Path, **sha256: str) -> WhisperEngine:
    return WhisperEngine(kind="faster_whisper", model=str(model), device="cpu", sha256=sha256)


def test_a_pinned_model_is_loaded_and_hears(whisper_folder: Path) -> None:
    digest = hashlib.sha256((whisper_folder / "model.bin").read_bytes()).hexdigest()
    engine = open_engine(config(whisper_folder, **{"model.bin": digest}))
    assert (engine.model, engine.languages) == ("faster-whisper/tiny", ("en",))
    wav_N = 0.1 * np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    heard = engine.hear(wav_N, Ask(words=True))
    assert heard.language == "en"
    assert heard.utterances
    for one in heard.utterances:
        assert 0 <= one.start_s <= one.end_s <= 2.0
        assert one.text
        assert all(type(word.start_s) is float for word in one.words)


@pytest.mark.parametrize(
    ("name", "digest", "code"),
    [
        ("model.bin", "0" * 64, "bundle.tampered"),
        ("other.bin", "0" * 64, "bundle.invalid"),
        ("../tiny/model.bin", "0" * 64, "bundle.invalid"),
    ],
)
def test_another_file_never_runs(whisper_folder: Path, name: str, digest: str, code: str) -> None:
    with pytest.raises(BundleError) as caught:
        open_engine(config(whisper_folder, **{name: digest}))
    assert caught.value.code == code


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"x")
    with pytest.raises(BundleError, match="no Whisper model"):
        open_engine(config(tmp_path))
    with pytest.raises(BundleError, match="no folder"):
        open_engine(config(tmp_path / "nowhere"))
