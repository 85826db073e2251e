from collections import Counter

import numpy as np
import pytest

from sonant.config.data import Split
from sonant.data.split import Splits, split
from sonant.errors import DataError


def people(speakers: int, clips: int, labels: str = "ab") -> list[dict[str, str]]:
    return [{"speaker": f"s{s}", "label": labels[c % len(labels)]} for s in range(speakers) for c in range(clips)]


def speakers_of(corpus, rows) -> set[str]:
    column = corpus.column("speaker")
    return {column[row] for row in rows}


def whole(corpus, splits: Splits) -> bool:
    return sorted(np.concatenate(splits).tolist()) == list(range(len(corpus)))


def test_the_manifest_is_followed(make_corpus) -> None:
    corpus = make_corpus([{"split": name, "label": "a"} for name in ("train", "test", "", "validation", "train")])
    splits = split(corpus, Split(), 0)
    assert [rows.tolist() for rows in splits] == [[0, 2, 4], [3], [1]]


def test_a_manifest_without_validation_holds_speakers_out(make_corpus) -> None:
    corpus = make_corpus(people(20, 4))
    splits = split(corpus, Split(validation=0.2), 0)
    assert whole(corpus, splits)
    assert splits.test.size == 0
    assert len(speakers_of(corpus, splits.validation)) == 4
    assert not speakers_of(corpus, splits.train) & speakers_of(corpus, splits.validation)


def test_named_speakers_are_left_out(make_corpus) -> None:
    corpus = make_corpus(people(6, 2))
    splits = split(corpus, Split(kind="leave_out", speakers=("s1", "s4")), 0)
    assert speakers_of(corpus, splits.test) == {"s1", "s4"}
    assert whole(corpus, splits)


def test_an_unknown_speaker_is_named_with_the_nearest(make_corpus) -> None:
    corpus = make_corpus([{"speaker": "george", "label": "a"}, {"speaker": "lucas", "label": "a"}])
    with pytest.raises(DataError, match="no speaker 'goerge'") as caught:
        split(corpus, Split(kind="leave_out", speakers=("goerge",)), 0)
    assert caught.value.hint == "did you mean george?"
    with pytest.raises(DataError, match=r"needs split\.speakers"):
        split(corpus, Split(kind="leave_out"), 0)
    with pytest.raises(DataError, match="no clips for training"):
        split(corpus, Split(kind="leave_out", speakers=("george", "lucas")), 0)


def test_random_speakers_ignore_the_manifest(make_corpus) -> None:
    corpus = make_corpus([{**row, "split": "train"} for row in people(20, 4)])
    splits = split(corpus, Split(kind="random_speakers", test=0.25, validation=0.2), 3)
    sides = [speakers_of(corpus, rows) for rows in splits]
    assert [len(side) for side in sides] == [12, 3, 5]
    assert whole(corpus, splits)
    none = split(corpus, Split(kind="random_speakers", test=0, validation=0), 3)
    assert [rows.size for rows in none] == [80, 0, 0]


def test_only_the_seed_decides(make_corpus) -> None:
    corpus = make_corpus(people(20, 4))
    cfg = Split(kind="random_speakers")
    first, same, other = (split(corpus, cfg, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not np.array_equal(first.test, other.test)


def test_single_clips_are_stratified_by_label(make_corpus) -> None:
    corpus = make_corpus([{"speaker": "s", "label": label} for label in "a" * 50 + "b" * 30 + "c" * 20])
    splits = split(corpus, Split(by="clip", validation=0.1), 0)
    column = corpus.column("label")
    assert Counter(column[row] for row in splits.validation) == {"a": 5, "b": 3, "c": 2}


def test_speakers_are_balanced_over_labels(make_corpus) -> None:
    # Every speaker says one word only: drawing speakers blindly could miss a word.
    corpus = make_corpus([{"speaker": f"s{n}", "label": "abcd"[n % 4]} for n in range(40)])
    for seed in range(5):
        held = split(corpus, Split(validation=0.1), seed).validation
        assert sorted(corpus.column("label")[row] for row in held) == ["a", "b", "c", "d"]


def test_unknown_speakers_count_as_different(make_corpus) -> None:
    corpus = make_corpus([{"label": "a"}] * 10)
    assert split(corpus, Split(validation=0.2), 0).validation.size == 2


def test_copies_and_sessions_stay_together(make_corpus) -> None:
    pcm = [np.full(10, number // 2 + 1, np.int16) for number in range(20)]
    corpus = make_corpus([{"label": "a"}] * 20, pcm=pcm)
    held = split(corpus, Split(by="clip", validation=0.3), 0).validation
    assert {row // 2 for row in held} == {row // 2 for row in held if row % 2 == 0}
    assert held.size == 6
    talks = [{"label": "a", "speaker": f"s{n}", "session": f"m{n // 3}"} for n in range(12)]
    corpus = make_corpus(talks, name="talks")
    held = split(corpus, Split(validation=0.25), 0).validation
    assert len({row // 3 for row in held}) == 1
    assert held.size == 3


def test_too_few_to_hold_out(make_corpus) -> None:
    corpus = make_corpus([{"label": "a", "speaker": "s"}] * 5)
    with pytest.raises(DataError, match="one speaker only") as caught:
        split(corpus, Split(), 0)
    assert "split.by=clip" in caught.value.hint
    assert split(corpus, Split(validation=0), 0).train.size == 5


def test_big_speakers_still_give_one_and_leave_one(make_corpus) -> None:
    corpus = make_corpus(people(2, 10))
    splits = split(corpus, Split(validation=0.1), 0)
    assert [rows.size for rows in splits] == [10, 10, 0]
    most = split(corpus, Split(validation=0.9), 0)
    assert [rows.size for rows in most] == [10, 10, 0]


def test_a_seed_of_its_own_goes_before_that_of_the_run(make_corpus) -> None:
    corpus = make_corpus(people(20, 2))
    drawn = Split(kind="random_speakers", validation=0.2, test=0.2)
    own = drawn.model_copy(update={"seed": 5})
    as_lists = [[rows.tolist() for rows in split(corpus, own, seed)] for seed in (0, 1)]
    assert as_lists[0] == as_lists[1] == [rows.tolist() for rows in split(corpus, drawn, 5)]
