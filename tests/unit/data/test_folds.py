from collections import Counter

import pytest

from sonant.data.folds import speaker_folds
from sonant.errors import DataError


def rows(**clips: str) -> list[dict[str, str]]:
    """A row for each letter: its label."""
    return [{"label": label, "speaker": speaker} for speaker, labels in clips.items() for label in labels]


def test_every_speaker_is_held_out_once_and_labels_are_even(make_corpus) -> None:
    corpus = make_corpus(rows(**{f"s{n}": "aab" if n % 2 else "bba" for n in range(8)}))
    folds = speaker_folds(corpus, ("a", "b"), 4, seed=0)
    assert sorted(name for fold in folds for name in fold) == [f"s{n}" for n in range(8)]
    for fold in folds:
        assert sorted(int(name[1]) % 2 for name in fold) == [0, 1]
    assert folds == speaker_folds(corpus, ("a", "b"), 4, seed=0)
    assert folds != speaker_folds(corpus, ("a", "b"), 4, seed=1)


def test_who_speaks_much_is_alone(make_corpus) -> None:
    corpus = make_corpus(rows(loud="a" * 6 + "b" * 6, **{f"s{n}": "ab" for n in range(6)}))
    for seed in range(6):
        folds = speaker_folds(corpus, ("a", "b"), 2, seed=seed)
        assert Counter(len(fold) for fold in folds) == {1: 1, 6: 1}


def test_no_fold_is_empty_and_other_labels_do_not_count(make_corpus) -> None:
    corpus = make_corpus(rows(x="a", y="aaaa", z="bb", other="c"))
    assert sorted(speaker_folds(corpus, ("a", "b"), 3, seed=0)) == [("x",), ("y",), ("z",)]


@pytest.mark.parametrize("count", [1, 0, -2, 4])
def test_folds_that_cannot_be_made_are_refused(make_corpus, count: int) -> None:
    with pytest.raises(DataError, match=f"{count} folds cannot be made") as caught:
        speaker_folds(make_corpus(rows(x="a", y="a", z="a")), ("a",), count, seed=0)
    assert "2 to 3" in caught.value.hint


def test_clips_without_a_speaker_are_refused(make_corpus) -> None:
    corpus = make_corpus([{"label": "a", "speaker": "x"}, {"label": "a"}, {"label": "a", "speaker": "y"}])
    with pytest.raises(DataError, match="1 clips without a speaker"):
        speaker_folds(corpus, ("a",), 2, seed=0)
