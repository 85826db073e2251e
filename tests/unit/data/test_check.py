import numpy as np
import pytest

from sonant.data.check import check
from sonant.errors import DataError


def leak(corpus) -> str:
    with pytest.raises(DataError) as caught:
        check(str(corpus.path))
    assert caught.value.code == "data.leak"
    return caught.value.message


def test_an_honest_corpus_passes(make_corpus) -> None:
    check(
        str(make_corpus([{"split": "train", "speaker": "a"}, {"split": "test", "speaker": "b"}, {"speaker": "a"}]).path)
    )


def test_a_speaker_on_two_sides(make_corpus) -> None:
    rows = [{"split": side, "speaker": f"s{n}"} for side in ("train", "test") for n in range(8)]
    assert "8 speaker(s) in both train and test: s0, s1, s2, s3, s4, ..." in leak(make_corpus(rows))


def test_a_session_on_two_sides(make_corpus) -> None:
    rows = [
        {"split": "train", "session": "m1", "speaker": "a"},
        {"split": "validation", "session": "m1", "speaker": "b"},
    ]
    assert "1 session(s) in both train and validation: m1" in leak(make_corpus(rows))


@pytest.mark.parametrize("split_by", ["take", "clip"])
def test_speakers_may_be_on_both_sides_where_the_corpus_says_so(make_corpus, split_by: str) -> None:
    rows = [{"split": "train", "speaker": "a", "session": "x"}, {"split": "test", "speaker": "a", "session": "x"}]
    check(str(make_corpus(rows, split_by=split_by).path))
    assert "session" in leak(make_corpus(rows, split_by="session"))


@pytest.mark.parametrize("split_by", ["speaker", "session", "take", "clip"])
def test_the_same_recording_on_two_sides_is_always_a_leak(make_corpus, split_by: str) -> None:
    pcm = [np.arange(9, dtype=np.int16)] * 2
    corpus = make_corpus(
        [{"split": "train", "speaker": "a"}, {"split": "test", "speaker": "b"}], pcm=pcm, split_by=split_by
    )
    assert "1 recording(s) in both train and test: c0 = c1" in leak(corpus)


def test_clips_of_no_split_are_on_no_side(make_corpus) -> None:
    check(str(make_corpus([{"split": "", "speaker": "a"}, {"split": "test", "speaker": "a"}]).path))


def test_damaged_samples(make_corpus) -> None:
    corpus = make_corpus([{"split": "train"}])
    shard = corpus.path / "shards" / "00000.bin"
    raw = bytearray(shard.read_bytes())
    raw[7] ^= 1
    shard.write_bytes(raw)
    with pytest.raises(DataError, match="samples of c0 are not those"):
        check(str(corpus.path))
