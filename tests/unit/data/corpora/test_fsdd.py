from pathlib import Path

import pytest

from sonant.config.prepare import PrepareFsdd
from sonant.data.corpora.fsdd import plan
from sonant.errors import DataError


def test_names_tell_everything(tmp_path: Path) -> None:
    for name in ("0_ann_0.wav", "9_bob_4.flac", "9_bob_5.wav", "3_ann_12.wav"):
        (tmp_path / name).touch()
    source = plan(PrepareFsdd(root=str(tmp_path), out="x"))
    told = [(clip.id, clip.label, clip.text, clip.speaker, clip.split) for clip in source.clips]
    assert told == [
        ("0_ann_0", "0", "zero", "ann", "test"),
        ("3_ann_12", "3", "three", "ann", "train"),
        ("9_bob_4", "9", "nine", "bob", "test"),
        ("9_bob_5", "9", "nine", "bob", "train"),
    ]
    assert source.split_by == "take"


def test_other_names_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ten_ann_0.wav").touch()
    with pytest.raises(DataError, match=r"ten_ann_0\.wav is not named"):
        plan(PrepareFsdd(root=str(tmp_path), out="x"))
