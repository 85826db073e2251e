"""`sonant transcribe` and `sonant evaluate --transcripts` as they are typed, with the engine that needs no download."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sonant.audio.resample import resample
from sonant.audio.samples import to_float
from sonant.audio.wav import encode_wav
from sonant.cli import main

pytest.importorskip("pocketsphinx")
CONFIG = "transcribe/sphinx"
TEXT = "one two three four five"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Numbers spoken by espeak-ng, a file that is no sound, and a manifest of both."""
    from sonant.data.espeak import RATE_HZ, Manner, say

    folder = tmp_path_factory.mktemp("talk")
    spoken_N = resample(to_float(say(TEXT, "en-US+f3", Manner(150, 50, 50))), RATE_HZ, 16_000)
    quiet_N = 3e-4 * np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    (folder / "talk.wav").write_bytes(encode_wav(np.concatenate((quiet_N, spoken_N, quiet_N)), 16_000))
    (folder / "noise.wav").write_bytes(b"no sound at all")
    rows = [f"talk.wav,{TEXT},a,test", "noise.wav,hello there,b,test", "talk.wav,,c,train"]
    manifest = "path,text,speaker,split\n" + "\n".join(rows[:2]) + "\n"
    (folder / "manifest.csv").write_text(manifest, encoding="ascii")
    return folder


def test_files_become_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(folder / "talk.wav"), str(folder / "noise.wav")]
    assert main(["transcribe", CONFIG, *files, "--format", "verbose_json", "--words"]) == 0
    talk, noise = map(json.loads, capsys.readouterr().out.splitlines())
    assert talk["text"].split()[1:] == TEXT.split()[1:]
    assert [word["word"] for word in talk["words"]] == talk["text"].split()
    assert 0.4 < talk["words"][0]["start"] < 1.0
    assert talk["words"][-1]["end"] <= talk["duration"]
    assert noise["error"]["code"] == "audio.unsupported"


def test_subtitles_go_to_files(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", CONFIG, str(folder / "talk.wav"), "--format", "srt", "--out", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["transcript"].endswith("talk.srt")
    assert (tmp_path / "talk.srt").read_text().startswith("1\n00:00:00,")


def test_wrong_words_are_counted(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = str(folder / "manifest.csv")
    assert main(["evaluate", CONFIG, manifest, "--transcripts", "--out", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["recordings"], told["failed"]) == (2, 1)
    rates = told["rates"]["off"]
    assert (rates["words"], rates["deletions"]) == (7, 2)
    assert 2 / 7 <= rates["wer"] <= 4 / 7
    assert rates["wer_interval"][0] <= rates["wer"] <= rates["wer_interval"][1]
    assert told["enhance_below_db"] is None
    rows = [json.loads(line) for line in (tmp_path / "transcripts.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == [TEXT, "hello there"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([CONFIG, "a.wav", "--language", "de"], "does not know the language 'de'"),
        ([CONFIG, "a.wav", "--enhance", "on"], "no enhancer"),
        ([CONFIG, "engine.kind=faster_whisper"], "no recording"),
        ([CONFIG, "a.wav", "engine.kind=vosk"], "pocketsphinx"),
        (["transcribe/whisper", "a.wav", "engine.model=./nowhere"], "no folder"),
    ],
)
def test_mistakes_are_told(words: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", *words]) == 2
    assert part in capsys.readouterr().err
