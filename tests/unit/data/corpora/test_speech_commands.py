from pathlib import Path

import pytest

from sonant.config.prepare import PrepareSpeechCommands
from sonant.data.corpora.speech_commands import plan, which_set
from sonant.errors import DataError


# The published algorithm worked by hand: sha1 of the name up to _nohash_, modulo 2^27, in percent of 2^27 - 1.
@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("bb05582b_nohash_3.wav", "test"),  # 18.1327
        ("a69b9b3e_nohash_0.wav", "validation"),  # 4.8811
        ("988e2f9a_nohash_0.wav", "train"),  # 99.9265
        ("30060aba_nohash_0.wav", "train"),  # 27.2672
        ("01bcfc0c_nohash_0.flac", "train"),  # 58.5923
    ],
)
def test_the_official_split(name: str, split: str) -> None:
    assert which_set(name) == split


def test_all_clips_of_a_speaker_are_in_one_split() -> None:
    assert {which_set(f"a69b9b3e_nohash_{take}.wav") for take in range(9)} == {"validation"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (
        "yes/bb05582b_nohash_0.wav",
        "yes/a69b9b3e_nohash_0.wav",
        "bed/bb05582b_nohash_0.wav",
        "_background_noise_/rain.wav",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "stray.wav").touch()
    return tmp_path


def labels(root: Path, **options: object) -> list[str]:
    return [clip.label for clip in plan(PrepareSpeechCommands(root=str(root), out="x", **options)).clips]


def test_words_are_kept_dropped_or_unknown(root: Path) -> None:
    assert labels(root) == ["bed", "yes", "yes"]
    assert labels(root, words=("yes",)) == ["yes", "yes"]
    assert labels(root, words=("yes",), unknown=True) == ["_unknown_", "yes", "yes"]
    assert labels(root, words=("yes",), silence_clips=4) == ["yes", "yes"] + ["_silence_"] * 4


def test_speakers_and_words_come_from_the_path(root: Path) -> None:
    clip = plan(PrepareSpeechCommands(root=str(root), out="x", words=("yes",), unknown=True)).clips[0]
    assert (clip.id, clip.text, clip.speaker, clip.split) == ("bed/bb05582b_nohash_0.wav", "bed", "bb05582b", "test")


def test_a_word_that_is_not_there(root: Path) -> None:
    with pytest.raises(DataError, match="no folder zebra") as caught:
        labels(root, words=("yes", "zebra"))
    assert caught.value.hint == "it has bed, yes"


def test_other_names_are_refused(root: Path) -> None:
    (root / "bed" / "ann.wav").touch()
    with pytest.raises(DataError, match=r"bed/ann\.wav is not named"):
        labels(root)
