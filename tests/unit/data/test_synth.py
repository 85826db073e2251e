from collections import Counter
from pathlib import Path

import pytest

from sonant.config.prepare import PrepareSynth
from sonant.data.check import check
from sonant.data.corpus import Corpus
from sonant.data.prepare import prepare
from sonant.data.synth import cast_voices, plan, split_counts
from sonant.errors import DataError


def config(**changes: object) -> PrepareSynth:
    given = {"words": ("yes", "no"), "voices": 40, "clips_per_word": 20, "silence_clips": 10, "out": "x"}
    return PrepareSynth.model_validate({**given, **changes})


@pytest.mark.parametrize("voices", [3, 40, 300, 832])
def test_timbres_are_in_one_split_only(voices: int) -> None:
    cast = cast_voices(config(voices=voices))
    timbres = {split: {voice.partition("+")[2] for voice in names} for split, names in cast.items()}
    assert not timbres["train"] & timbres["test"]
    assert not timbres["train"] & timbres["validation"]
    assert not timbres["test"] & timbres["validation"]
    assert sum(len(set(names)) for names in cast.values()) == pytest.approx(voices, rel=0.02)
    assert all(cast.values())


def test_every_label_is_in_every_split() -> None:
    clips = plan(config(unknown_words=("cat", "dog"), unknown_clips=20)).clips
    counts = Counter((clip.label, clip.split) for clip in clips)
    for label in ("yes", "no"):
        assert [counts[label, split] for split in ("train", "validation", "test")] == [14, 3, 3]
    assert sum(counts["_unknown_", split] for split in ("train", "validation", "test")) == 20
    assert counts["_unknown_", "test"] == 4
    assert counts["_silence_", "test"] == 2


def test_unknown_clips_default_to_those_of_one_word() -> None:
    clips = plan(config(unknown_words=("cat", "dog", "cow"))).clips
    assert Counter(clip.text for clip in clips if clip.label == "_unknown_") == {"cat": 7, "dog": 7, "cow": 6}


def test_manners_depend_on_seed_word_and_index_alone() -> None:
    jobs = {clip.id: clip.job for clip in plan(config()).clips if clip.text == "no"}
    alone = {clip.id: clip.job for clip in plan(config(words=("no", "maybe"))).clips if clip.text == "no"}
    assert jobs == alone
    other = {clip.id: clip.job for clip in plan(config(seed=1)).clips if clip.text == "no"}
    assert jobs != other
    assert len({(job["rate"], job["pitch"], job["range"]) for job in jobs.values()}) > 15


def test_small_counts_go_to_training() -> None:
    assert [split_counts(count, 0.15) for count in range(4)] == [
        [],
        ["train"],
        ["train", "train"],
        ["test", "validation", "train"],
    ]


@pytest.mark.parametrize(
    "words",
    [{"words": ("yes", "yes")}, {"unknown_words": ("no",)}, {"words": (" ",)}, {"words": ("_silence_",)}],
)
def test_words_that_are_given_twice_or_are_none(words: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(DataError):
        plan(config(**words))


def test_the_same_config_makes_the_same_corpus_whatever_the_workers(tmp_path: Path) -> None:
    small = {"voices": 6, "clips_per_word": 4, "unknown_words": ("cat",), "silence_clips": 3}
    hashes = [prepare(config(**small, out=str(tmp_path / f"w{workers}"), workers=workers)).hash for workers in (1, 2)]
    assert hashes[0] == hashes[1]
    corpus = Corpus.open(str(tmp_path / "w1"))
    check(str(tmp_path / "w1"))
    assert corpus.info.labels == {"_silence_": 3, "_unknown_": 4, "no": 4, "yes": 4}
    assert corpus.samples_R.max() <= 16000


def test_a_voice_may_have_a_manner_of_its_own() -> None:
    def manners(manner_of: str) -> dict[str, set[tuple[object, ...]]]:
        config = PrepareSynth(
            words=("one", "two", "three"), voices=6, clips_per_word=12, silence_clips=0, out="o", manner_of=manner_of
        )
        found: dict[str, set[tuple[object, ...]]] = {}
        for clip in plan(config).clips:
            found.setdefault(clip.speaker, set()).add(tuple(clip.job[key] for key in ("rate", "pitch", "range")))
        return found

    by_speaker, by_clip = manners("speaker"), manners("clip")
    assert {len(drawn) for drawn in by_speaker.values()} == {1}
    assert len(set.union(*by_speaker.values())) == len(by_speaker) > 3
    assert all(len(drawn) > 1 for drawn in by_clip.values())
