from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonant.config.prepare import PrepareLibrispeech
from sonant.data.check import check
from sonant.data.corpora.librispeech import plan
from sonant.data.corpus import Corpus
from sonant.data.prepare import prepare
from sonant.errors import DataError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two parts, two speakers each, two chapters each, two utterances each."""
    for part, speakers in (("train-clean-100", ("19", "27")), ("dev-clean", ("84", "174"))):
        for number, speaker in enumerate(speakers):
            for chapter in ("198", "227"):
                folder = tmp_path / "LibriSpeech" / part / speaker / chapter
                folder.mkdir(parents=True)
                names = [f"{speaker}-{chapter}-{utterance:04d}" for utterance in range(2)]
                lines = [f"{name} WORDS OF {name.replace('-', ' ')}\n" for name in names]
                (folder / f"{speaker}-{chapter}.trans.txt").write_text("".join(lines))
                for utterance, name in enumerate(names):
                    random = np.random.default_rng([number, int(chapter), utterance, int(speaker)])
                    soundfile.write(folder / f"{name}.flac", random.uniform(-0.1, 0.1, 4000), 16_000)
    (tmp_path / "LibriSpeech" / "SPEAKERS.TXT").write_text("; whatever\n")
    return tmp_path / "LibriSpeech"


def test_parts_speakers_chapters_and_words(tree: Path, tmp_path: Path) -> None:
    config = PrepareLibrispeech(root=str(tree), out=str(tmp_path / "out"), workers=1)
    summary = prepare(config)
    assert (summary.clips, summary.splits, summary.speakers) == (16, {"train": 8, "validation": 8}, 4)
    corpus = Corpus.open(config.out)
    row = corpus.column("id").index("27-227-0001")
    told = {name: corpus.column(name)[row] for name in ("path", "text", "speaker", "session", "split", "licence")}
    assert told == {
        "path": "train-clean-100/27/227/27-227-0001.flac",
        "text": "WORDS OF 27 227 0001",
        "speaker": "27",
        "session": "27-227",
        "split": "train",
        "licence": "CC-BY-4.0",
    }
    check(config.out)


def test_one_part_alone_and_some_of_them(tree: Path) -> None:
    alone = plan(PrepareLibrispeech(root=str(tree / "dev-clean"), out="o"))
    some = plan(PrepareLibrispeech(root=str(tree), out="o", parts=("dev-clean",)))
    for source in (alone, some):
        assert {clip.split for clip in source.clips} == {"validation"}
        assert {clip.speaker for clip in source.clips} == {"84", "174"}
        assert source.clips[0].text == "WORDS OF 174 198 0000"


def test_words_may_be_missing(tree: Path) -> None:
    (tree / "dev-clean/84/198/84-198.trans.txt").unlink()
    source = plan(PrepareLibrispeech(root=str(tree), out="o"))
    assert {clip.session for clip in source.clips if not clip.text} == {"84-198"}


def test_other_layouts_are_told(tree: Path) -> None:
    with pytest.raises(DataError, match="no part test-clean") as caught:
        plan(PrepareLibrispeech(root=str(tree), out="o", parts=("test-clean",)))
    assert caught.value.hint == "it has dev-clean, train-clean-100"
    (tree / "dev-clean/84/198/84-198-0000.flac").rename(tree / "dev-clean/84/198/85-198-0000.flac")
    with pytest.raises(DataError, match="does not lie as LibriSpeech"):
        plan(PrepareLibrispeech(root=str(tree), out="o"))
