from pathlib import Path

import pytest

from sonant.config.prepare import PrepareDns
from sonant.data.corpora.dns import plan
from sonant.errors import DataError


@pytest.fixture
def tree(tmp_path: Path, write_wav) -> Path:
    for name in (
        "clean/read_speech/book_00000_chp_0009_reader_06709_0_seg_1",
        "clean/emotional/a_b",
        "noise/door_Freesound_validated_247564_0",
        "noise/_0AhqtbeCFM",
        "impulse_responses/SLR26/Room001-1",
    ):
        write_wav(tmp_path / f"{name}.wav")  # fmt: skip
    return tmp_path


def test_parts(tree: Path) -> None:
    told = {
        part: [
            (clip.path, clip.label, clip.speaker) for clip in plan(PrepareDns(root=str(tree), part=part, out="o")).clips
        ]
        for part in ("clean", "noise", "impulse_responses")
    }
    assert told == {
        "clean": [
            ("clean/emotional/a_b.wav", "", ""),
            ("clean/read_speech/book_00000_chp_0009_reader_06709_0_seg_1.wav", "", "06709"),
        ],
        "noise": [("noise/_0AhqtbeCFM.wav", "", ""), ("noise/door_Freesound_validated_247564_0.wav", "door", "")],
        "impulse_responses": [("impulse_responses/SLR26/Room001-1.wav", "", "")],
    }


def test_a_part_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no folder"):
        plan(PrepareDns(root=str(tmp_path), part="noise", out="o"))
