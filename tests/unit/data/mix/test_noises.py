import numpy as np
import pytest

from sonant.config.mix import Mixing
from sonant.data.mix.noises import MixNoises
from sonant.errors import DataError

CFG = Mixing(noise_p=1.0)


def drawn(noises: MixNoises, count: int = 300):
    generator = np.random.default_rng(0)
    return [noises.draw(generator, CFG, 8000) for _ in range(count)]


def test_sides_share_no_recording(noise_corpus) -> None:
    sides = [
        {noise.cut.row for noise in drawn(MixNoises(noise_corpus, side))} for side in ("train", "validation", "test")
    ]
    assert sum(map(len, sides)) == len(set.union(*sides)) == len(noise_corpus)
    assert len(sides[0]) > len(sides[1]) > 0


def test_a_corpus_that_splits_itself_is_followed(make_corpus) -> None:
    corpus = make_corpus([{"split": split} for split in ("train", "", "test", "test")])
    assert {noise.cut.row for noise in drawn(MixNoises(corpus, "train"))} == {0, 1}
    assert {noise.cut.row for noise in drawn(MixNoises(corpus, "test"))} == {2, 3}
    with pytest.raises(DataError, match="no noise for validation"):
        MixNoises(corpus, "validation")


def test_without_a_corpus_noise_is_made() -> None:
    slopes = [noise.slope for noise in drawn(MixNoises(None, "train"))]
    assert min(slopes) < 0 < 1.5 < max(slopes)


def test_as_many_numbers_are_drawn_whether_there_is_noise_or_not() -> None:
    after = []
    for share in (0.0, 1.0):
        generator = np.random.default_rng(0)
        assert (MixNoises(None, "train").draw(generator, Mixing(noise_p=share), 8000) is None) == (share == 0)
        after.append(generator.random())
    assert after[0] == after[1]
