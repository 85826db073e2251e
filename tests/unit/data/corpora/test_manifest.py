from pathlib import Path

import pytest

from sonant.config.prepare import PrepareManifest
from sonant.data.corpora.manifest import below, plan
from sonant.errors import DataError


def write(tmp_path: Path, text: str) -> str:
    (tmp_path / "m.csv").write_text(text)
    return str(tmp_path / "m.csv")


def test_paths_are_relative_to_the_manifest_unless_a_root_is_given(tmp_path: Path) -> None:
    url = write(tmp_path, "path,label,speaker,session\nx/a.wav,yes,s,t\n")
    clip = plan(PrepareManifest(manifest=url, out="o")).clips[0]
    assert clip.job["url"] == f"{tmp_path}/x/a.wav"
    assert (clip.id, clip.label, clip.speaker, clip.session) == ("x/a.wav", "yes", "s", "t")
    assert plan(PrepareManifest(manifest=url, root="/data", out="o")).clips[0].job["url"] == "/data/x/a.wav"


def test_a_duration_alone_cuts_nothing(tmp_path: Path) -> None:
    url = write(tmp_path, "path,start_s,duration_s\na.wav,,0.5\nb.wav,0,0.5\n")
    whole, part = plan(PrepareManifest(manifest=url, out="o")).clips
    assert (whole.job["start_s"], whole.job["duration_s"]) == (None, None)
    assert (part.job["start_s"], part.job["duration_s"]) == (0.0, 0.5)


def test_one_corpus_of_many_and_how_it_was_split(tmp_path: Path) -> None:
    url = write(tmp_path, "path,dataset,split\na.wav,x,f1\nb.wav,y,f1\n")
    source = plan(PrepareManifest(manifest=url, out="o", dataset="y", splits={"f1": "test"}, split_by="clip"))
    assert (source.name, source.split_by) == ("y", "clip")
    assert [(clip.path, clip.split) for clip in source.clips] == [("b.wav", "test")]


def test_paths_stay_below_the_root() -> None:
    assert below("/data", "/data/x/a.wav") == "x/a.wav"
    assert below("/data", "x/../a.wav") == "a.wav"
    for path in ("../a.wav", "x/../../a.wav", "/etc/passwd", ".."):
        with pytest.raises(DataError, match="outside of the root"):
            below("/data", path)


def test_sessions_may_be_hidden_in_file_names(tmp_path: Path) -> None:
    url = write(tmp_path, "path,speaker,session\nt/27/27-123349-0042.flac,27,\nt/27/27-124992-0001.flac,27,own\n")
    pattern = r"(?P<session>\d+-\d+)-\d+\.flac$"
    clips = plan(PrepareManifest(manifest=url, out="o", session_pattern=pattern)).clips
    assert [clip.session for clip in clips] == ["27-123349", "own"]
    with pytest.raises(DataError, match="finds no session in t/27"):
        plan(PrepareManifest(manifest=url, out="o", session_pattern=r"(?P<session>\d+)\.wav$"))
