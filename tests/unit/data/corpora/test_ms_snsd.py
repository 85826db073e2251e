from pathlib import Path

import pytest

from sonant.config.prepare import PrepareMsSnsd
from sonant.data.corpora.ms_snsd import plan
from sonant.data.corpus import Corpus
from sonant.data.prepare import prepare
from sonant.errors import DataError


@pytest.fixture
def tree(tmp_path: Path, write_wav) -> Path:
    """Speech of two known speakers and an unknown one, and two kinds of noise."""
    names = ("clean_train/p226_001", "clean_train/mic_F01_sa1", "clean_train/clnsp1", "clean_test/p232_005",
             "noise_train/AirConditioner_1", "noise_train/AirConditioner_2", "noise_test/Air Port_3")  # fmt: skip
    for seed, name in enumerate(names):
        write_wav(tmp_path / "MS-SNSD" / f"{name}.wav", seed=seed)
    return tmp_path / "MS-SNSD"


def test_speech_and_noise(tree: Path, tmp_path: Path) -> None:
    clean, noise = (
        PrepareMsSnsd(root=str(tree), part=part, out=str(tmp_path / part), workers=1) for part in ("clean", "noise")
    )
    assert (prepare(clean).clips, prepare(noise).labels) == (4, {"Air Port": 1, "AirConditioner": 2})
    corpus = Corpus.open(clean.out)
    assert dict(zip(corpus.column("id"), corpus.column("speaker"), strict=True)) == {
        "clean_train/p226_001": "p226", "clean_train/mic_F01_sa1": "F01", "clean_train/clnsp1": "",
        "clean_test/p232_005": "p232",
    }  # fmt: skip
    assert corpus.info.splits == {"train": 3, "test": 1}
    assert Corpus.open(noise.out).info.splits == {"train": 2, "test": 1}


def test_one_folder_alone(tree: Path) -> None:
    source = plan(PrepareMsSnsd(root=str(tree / "noise_train"), part="noise", out="o"))
    assert [(clip.id, clip.label, clip.split) for clip in source.clips] == [
        ("AirConditioner_1", "AirConditioner", ""),
        ("AirConditioner_2", "AirConditioner", ""),
    ]


def test_a_set_without_that_part(tree: Path) -> None:
    for path in (tree / "noise_train", tree / "noise_test"):
        path.rename(tree / f"other_{path.name}")
    with pytest.raises(DataError, match="no noise files of MS-SNSD"):
        plan(PrepareMsSnsd(root=str(tree), part="noise", out="o"))
