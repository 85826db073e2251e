"""Answers for files, manifests and corpora, and for what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sonant.audio.samples import to_float
from sonant.audio.wav import encode_wav
from sonant.data.corpus import Corpus
from sonant.data.source import Clip
from sonant.data.write import write_corpus
from sonant.measure.infer import infer
from sonant.runtime.engine import Engine
from sonant.runtime.infer import classify


def tone(pitch_hz: float, seconds: float, rate_hz: int) -> np.ndarray:
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.4 * np.sin(2 * np.pi * pitch_hz * time)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, pitch_hz, seconds, rate_hz in (("a", 300, 0.3, 8000), ("b", 700, 1.0, 16000), ("c", 1500, 0.1, 44100)):
        (tmp_path / f"{name}.wav").write_bytes(encode_wav(tone(pitch_hz, seconds, rate_hz), rate_hz))
    (tmp_path / "broken.wav").write_bytes(b"no audio at all")
    return tmp_path


def test_files_are_answered_in_order(folder: Path, tiny_bundle: Path, engine: Engine) -> None:
    names = [str(folder / f"{name}.wav") for name in "cab"]
    lines = list(infer(str(tiny_bundle), names, top_k=2))
    assert [line["path"] for line in lines] == names
    assert [line["duration_s"] for line in lines] == [0.1, 0.3, 1.0]
    assert all(len(line["scores"]) == 2 for line in lines)
    assert lines[1] == {"path": names[1], **classify(engine, to_float_wav(tone(300, 0.3, 8000)), 2)}
    assert json.loads(json.dumps(lines)) == lines


def to_float_wav(wav_N: np.ndarray) -> np.ndarray:
    """What a 16-bit file holds of it."""
    return (np.rint(wav_N * 32768) / 32768).astype(np.float32)


def test_a_broken_file_does_not_stop_the_others(folder: Path, tiny_bundle: Path) -> None:
    names = [str(folder / name) for name in ("a.wav", "broken.wav", "missing.wav", "b.wav")]
    lines = list(infer(str(tiny_bundle), names))
    assert [line.get("error", {}).get("code", "") for line in lines] == [
        "",
        lines[1]["error"]["code"],
        "data.not_found",
        "",
    ]
    assert lines[1]["error"]["code"].startswith("audio.")


def test_a_manifest_names_parts_of_files(folder: Path, tiny_bundle: Path) -> None:
    (folder / "list.csv").write_text("path,start_s,duration_s\na.wav,,\nb.wav,0.25,0.5\nc.wav,5,\n")
    lines = list(infer(str(tiny_bundle), [str(folder / "list.csv")]))
    assert [line["path"] for line in lines] == ["a.wav", "b.wav", "c.wav"]
    assert [line.get("duration_s") for line in lines] == [0.3, 0.5, None]
    assert lines[2]["error"]["code"] == "audio.empty"


def test_a_prepared_corpus_is_read_from_its_shards(tmp_path: Path, tiny_bundle: Path, engine: Engine) -> None:
    pcm = [np.rint(20000 * tone(pitch_hz, 0.2, 8000)).astype(np.int16) for pitch_hz in (200, 900)]
    clips = (Clip(f"c{n}", "nowhere.wav", {}, label="yes", speaker=f"s{n}") for n in range(2))
    write_corpus(str(tmp_path / "corpus"), zip(clips, pcm, strict=True), name="x", sample_rate_hz=8000)
    lines = list(infer(str(tiny_bundle), [str(tmp_path / "corpus" / "manifest.parquet")], top_k=None))
    corpus = Corpus.open(str(tmp_path / "corpus"))
    assert lines == [
        {"path": f"c{row}", **classify(engine, to_float(corpus.read(row)), None)} for row in range(len(corpus))
    ]
