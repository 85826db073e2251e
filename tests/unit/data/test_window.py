import numpy as np
import pytest

from sonant.data.augment import Placement
from sonant.data.window import NoiseCorpus, centred, fill, placed, put_before

LENGTHS = np.array([4, 5, 10, 11, 13])


def placement(**changes: object) -> Placement:
    count = len(LENGTHS)
    given = {
        name: np.zeros(count) for name in ("shift_s", "crop", "partner", "gap_s", "tail_s", "noise_row", "noise_start")
    }
    return Placement(**{**given, "context": np.zeros(count, bool), **changes})


def test_middles_meet() -> None:
    assert centred(LENGTHS, 10).tolist() == [3, 2, 0, 0, -1]


def test_short_clips_are_shifted_and_long_ones_cut_anywhere() -> None:
    shifted = placement(shift_s=np.full(5, 0.002), crop=np.array([0.9, 0.9, 0.9, 0.999, 0.5]))
    assert placed(LENGTHS, 10, shifted, 1000).tolist() == [5, 4, 2, -1, -2]


@pytest.mark.parametrize("shift_s", [-2.0, 2.0])
def test_half_of_a_clip_stays_in_the_window_however_far_it_is_shifted(shift_s: float) -> None:
    begin_B = placed(LENGTHS, 10, placement(shift_s=np.full(5, shift_s)), 1000)
    inside_B = np.minimum(begin_B + LENGTHS, 10) - np.maximum(begin_B, 0)
    assert np.all(inside_B >= np.minimum(LENGTHS // 2, 10))
    assert np.all(inside_B[:3] <= LENGTHS[:3] // 2 + 1)


def test_with_context_a_word_ends_near_the_end() -> None:
    context = placement(context=np.ones(5, bool), tail_s=np.full(5, 0.002), shift_s=np.full(5, 0.003))
    assert placed(LENGTHS, 10, context, 1000).tolist() == [4, 3, 3, 0, 0]


def test_fill_copies_what_lies_inside(make_corpus) -> None:
    corpus = make_corpus([{"label": "a"}] * 4, pcm=[np.arange(1, count + 1, dtype=np.int16) for count in (3, 3, 3, 9)])
    wav_BN, length_B = fill(corpus, [0, 1, 2, 3], np.array([1, -1, 4, -2]), 5)
    assert wav_BN.tolist() == [[0, 1, 2, 3, 0], [2, 3, 0, 0, 0], [0, 0, 0, 0, 1], [3, 4, 5, 6, 7]]
    assert length_B.tolist() == [3, 2, 1, 5]


@pytest.mark.parametrize(
    ("begin", "gap", "expected"),
    [
        (5, 2, [2, 3, 4, 0, 0, 7]),  # as much of its end as there is time for
        (5, 0, [0, 1, 2, 3, 4, 7]),  # all of it, against the word
        (2, 1, [4, 0, 7, 7, 7, 7]),
        (1, 3, [0, 7, 7, 7, 7, 7]),  # no time at all
        (0, 0, [7, 7, 7, 7, 7, 7]),
    ],
)
def test_the_end_of_another_clip_comes_before(begin: int, gap: int, expected: list[int]) -> None:
    wav_N = np.array([0] * begin + [7] * (6 - begin), np.int16)
    put_before(wav_N, begin, gap, np.array([1, 2, 3, 4], np.int16))
    assert wav_N.tolist() == expected


def test_noise_leaves_out_digital_silence_and_test_material(make_corpus) -> None:
    padded = np.zeros(100, np.int16)
    padded[40:60] = np.arange(1, 21)
    waves = [padded, np.full(100, 99, np.int16), np.zeros(50, np.int16)]
    corpus = make_corpus([{"split": "train"}, {"split": "test"}, {"split": "train"}], pcm=waves)
    noise = NoiseCorpus(corpus)
    assert noise.read(0.0, 0.0, 10).tolist() == list(range(1, 11))
    assert noise.read(0.0, 0.999, 10).tolist() == list(range(11, 21))
    # Shorter than the window: round and round, from anywhere.
    assert noise.read(0.0, 0.5, 30).tolist() == [*range(11, 21), *range(1, 21)]
    assert noise.read(0.999, 0.3, 5).tolist() == [0] * 5
    assert 99 not in {int(sample) for which in np.linspace(0, 0.999, 9) for sample in noise.read(which, 0, 5)}


def test_a_noise_corpus_that_is_all_test_material_is_used(make_corpus) -> None:
    corpus = make_corpus([{"split": "test"}], pcm=[np.full(10, 5, np.int16)])
    assert NoiseCorpus(corpus).read(0, 0, 3).tolist() == [5, 5, 5]
