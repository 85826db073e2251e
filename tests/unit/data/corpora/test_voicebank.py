from pathlib import Path

import pytest

from sonant.config.prepare import PrepareVoicebank
from sonant.data.check import check
from sonant.data.corpora.voicebank import plan
from sonant.data.prepare import prepare
from sonant.errors import DataError


def test_clean_speech_by_speaker(tmp_path: Path, write_wav) -> None:
    root = tmp_path / "vb"
    for number, name in enumerate(
        ("trainset_28spk_wav/p226_001", "trainset_28spk_wav/p287_002", "testset_wav/p232_001")
    ):
        write_wav(root / f"clean_{name}.wav", seed=number)
        write_wav(root / f"noisy_{name}.wav", seed=100 + number)
    summary = prepare(PrepareVoicebank(root=str(root), out=str(tmp_path / "out"), workers=1))
    assert (summary.clips, summary.speakers, summary.splits) == (3, 3, {"train": 2, "test": 1})
    check(summary.corpus)


def test_other_layouts_are_told(tmp_path: Path, write_wav) -> None:
    write_wav(tmp_path / "clean" / "p226_001.wav")
    with pytest.raises(DataError, match="no clean speech of VoiceBank"):
        plan(PrepareVoicebank(root=str(tmp_path), out="o"))
