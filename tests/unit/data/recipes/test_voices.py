import numpy as np

from sonant.data.recipes.voices import Voices


def voices(corpus, **changes) -> Voices:
    told = {"shortest_s": 0.6, "trim_db": 30.0, **changes}
    return Voices(corpus, np.arange(len(corpus)), corpus.column("speaker"), **told)


def test_rows_by_speaker_that_are_long_enough(voices_corpus) -> None:
    made = voices(voices_corpus)
    assert made.speakers == tuple("abcdefgijkl")
    assert all(voices_corpus.samples_R[row] >= 9600 for rows in made.rows_S.values() for row in rows)
    assert voices(voices_corpus, shortest_s=0.1).speakers == tuple("abcdefghijkl")


def test_cuts_are_no_pauses(make_corpus) -> None:
    pcm_N = np.zeros(40_000, np.int16)
    pcm_N[2000:2400] = pcm_N[30_000:36_000] = 5000
    made = voices(make_corpus([{"speaker": "a"}], pcm=[pcm_N]))
    first, last = made.span(0)
    assert (first, last) == (1120, 36_800)
    assert made.length(0) == last - first
    generator = np.random.default_rng(0)
    for _ in range(50):
        cut = made.cut(generator, 0, 2000)
        assert first <= cut.first <= last - 2000
        assert pcm_N[cut.first : cut.first + 2000].any()


def test_silence_has_no_length(make_corpus) -> None:
    made = voices(make_corpus([{"speaker": "a"}], pcm=[np.zeros(16_000, np.int16)]))
    assert made.length(0) == 0
