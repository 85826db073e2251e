from pathlib import Path

import pytest

from sonant.config.prepare import PrepareFolder
from sonant.data.corpora.folder import plan
from sonant.errors import ConfigError, DataError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("dog/ann_1.wav", "dog/deep/bob_2.wav", "cat/ann_3.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_the_first_folder_is_the_label(root: Path) -> None:
    source = plan(PrepareFolder(root=str(root), out="x", licence="CC0"))
    assert [(clip.path, clip.label, clip.speaker) for clip in source.clips] == [
        ("cat/ann_3.wav", "cat", ""),
        ("dog/ann_1.wav", "dog", ""),
        ("dog/deep/bob_2.wav", "dog", ""),
    ]
    assert {clip.licence for clip in source.clips} == {"CC0"}
    assert source.split_by == "speaker"


def test_speakers_come_from_the_pattern(root: Path) -> None:
    source = plan(PrepareFolder(root=str(root), out="x", speaker_pattern=r"(?P<speaker>[a-z]+)_\d+\.wav$"))
    assert [clip.speaker for clip in source.clips] == ["ann", "ann", "bob"]


def test_a_file_without_a_speaker_is_an_error_not_a_stranger(root: Path) -> None:
    with pytest.raises(DataError, match=r"finds no speaker in dog/deep/bob_2\.wav"):
        plan(PrepareFolder(root=str(root), out="x", speaker_pattern="(?P<speaker>ann)"))


@pytest.mark.parametrize("pattern", ["(", r"\w+"])
def test_patterns_that_name_no_speaker(root: Path, pattern: str) -> None:
    with pytest.raises(ConfigError, match="speaker_pattern"):
        plan(PrepareFolder(root=str(root), out="x", speaker_pattern=pattern))


def test_a_file_outside_of_the_label_folders(root: Path) -> None:
    (root / "stray.wav").touch()
    with pytest.raises(DataError, match="in no folder that names its label"):
        plan(PrepareFolder(root=str(root), out="x"))
