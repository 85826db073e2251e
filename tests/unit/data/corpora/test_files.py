from pathlib import Path

import fsspec
import pytest

from sonant.config.prepare import PrepareFsdd
from sonant.data.corpora.files import find, job
from sonant.errors import DataError


def test_finds_audio_sorted_and_skips_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b/2.WAV", "b/10.wav", "a/x.flac", "a/._x.flac", ".git/y.wav", "a/notes.txt", "a/deep/er/z.mp3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find(str(tmp_path)) == ["a/deep/er/z.mp3", "a/x.flac", "b/10.wav", "b/2.WAV"]


def test_finds_files_of_a_url() -> None:
    with fsspec.open("memory://sounds/yes/a.wav", "wb") as file:
        file.write(b"x")
    assert find("memory://sounds") == ["yes/a.wav"]
    assert job(PrepareFsdd(root="", out=""), "memory://sounds/", "yes/a.wav")["url"] == "memory://sounds/yes/a.wav"


def test_no_folder_and_no_files(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        find(str(tmp_path / "none"))
    assert caught.value.code == "data.not_found"
    with pytest.raises(DataError) as caught:
        find(str(tmp_path))
    assert caught.value.code == "data.empty"
