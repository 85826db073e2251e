from pathlib import Path

import pytest

from sonant.config.prepare import PrepareRavdess
from sonant.data.corpora.ravdess import plan
from sonant.errors import DataError


def test_names_tell_everything_in_a_tree_or_flat(tmp_path: Path) -> None:
    names = ("Actor_12/03-01-06-01-02-01-12.wav", "Actor_01/03-01-01-01-01-02-01.flac", "03-01-08-02-01-01-24.wav")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    source = plan(PrepareRavdess(root=str(tmp_path), out="x"))
    assert [(clip.id, clip.label, clip.speaker, clip.text[:4], clip.split) for clip in source.clips] == [
        ("03-01-08-02-01-01-24", "surprised", "actor_24_F", "Kids", ""),
        ("03-01-01-01-01-02-01", "neutral", "actor_01_M", "Kids", ""),
        ("03-01-06-01-02-01-12", "fearful", "actor_12_F", "Dogs", ""),
    ]
    assert source.split_by == "speaker"


def test_every_emotion_has_its_name(tmp_path: Path) -> None:
    for emotion in range(1, 9):
        (tmp_path / f"03-01-{emotion:02d}-01-01-01-05.wav").touch()
    labels = [clip.label for clip in plan(PrepareRavdess(root=str(tmp_path), out="x")).clips]
    assert labels == ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]


def test_second_copies_videos_and_songs_are_left_out(tmp_path: Path) -> None:
    names = (
        "Actor_01/03-01-05-01-01-01-01.wav", "copy/Actor_01/03-01-05-01-01-01-01.wav",
        "Actor_01/01-01-05-01-01-01-01.mp4", "Actor_01/03-02-05-01-01-01-01.wav",
    )  # fmt: skip
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    ids = {voice: [clip.id for clip in _plan(tmp_path, voice).clips] for voice in ("speech", "song", "both")}
    assert ids["speech"] == ["03-01-05-01-01-01-01"]
    assert ids["song"] == ["03-02-05-01-01-01-01"]
    assert ids["both"] == [*ids["speech"], *ids["song"]]
    assert _plan(tmp_path, "speech").clips[0].path == "Actor_01/03-01-05-01-01-01-01.wav"


def test_other_names_and_nothing_left_are_refused(tmp_path: Path) -> None:
    (tmp_path / "03-02-05-01-01-01-01.wav").touch()
    with pytest.raises(DataError, match="no audio-only recordings of voice=speech") as caught:
        _plan(tmp_path, "speech")
    assert caught.value.code == "data.empty"
    (tmp_path / "03-01-09-01-01-01-01.wav").touch()
    with pytest.raises(DataError, match=r"03-01-09-01-01-01-01\.wav is not named as RAVDESS"):
        _plan(tmp_path, "speech")


def _plan(root: Path, voice: str):
    return plan(PrepareRavdess.model_validate({"root": str(root), "out": "x", "voice": voice}))
