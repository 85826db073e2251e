from pathlib import Path

import pytest

from sonant.config.prepare import PrepareEmodb
from sonant.data.corpora.emodb import plan
from sonant.errors import DataError


def test_names_tell_everything(tmp_path: Path) -> None:
    for name in (
        "03a01Fa.wav",
        "08b10Wc.flac",
        "16a05Lb.wav",
        "15b02Ea.wav",
        "09a04Af.wav",
        "10a07Ta.wav",
        "12b03Nd.wav",
    ):
        (tmp_path / name).touch()
    source = plan(PrepareEmodb(root=str(tmp_path), out="x"))
    assert [(clip.id, clip.label, clip.speaker, clip.text) for clip in source.clips] == [
        ("03a01Fa", "happy", "emodb_03_M", "a01"),
        ("08b10Wc", "angry", "emodb_08_F", "b10"),
        ("09a04Af", "fearful", "emodb_09_F", "a04"),
        ("10a07Ta", "sad", "emodb_10_M", "a07"),
        ("12b03Nd", "neutral", "emodb_12_M", "b03"),
        ("15b02Ea", "disgust", "emodb_15_M", "b02"),
        ("16a05Lb", "bored", "emodb_16_F", "a05"),
    ]
    assert source.split_by == "speaker"
    assert {clip.split for clip in source.clips} == {""}


@pytest.mark.parametrize("name", ["03a01Xa.wav", "3a01Fa.wav", "03a01F.wav", "readme.wav"])
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(DataError, match="is not named as EmoDB"):
        plan(PrepareEmodb(root=str(tmp_path), out="x"))
