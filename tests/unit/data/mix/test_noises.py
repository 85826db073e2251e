import numpy as np
import pytest

from sonant.config.mix import Mixing
from sonant.data.mix.noises import Noises, noise_span, open_noise
from sonant.errors import DataError

CFG = Mixing(noise_p=1.0)


def drawn(noises: Noises, count: int = 300):
    generator = np.random.default_rng(0)
    return [noises.draw(generator, CFG, 8000) for _ in range(count)]


def test_sides_share_no_recording(noise_corpus) -> None:
    sides = [{noise.cut.row for noise in drawn(Noises(noise_corpus, side))} for side in ("train", "validation", "test")]
    assert sum(map(len, sides)) == len(set.union(*sides)) == len(noise_corpus)
    assert len(sides[0]) > len(sides[1]) > 0


def test_a_corpus_that_splits_itself_is_followed(make_corpus) -> None:
    corpus = make_corpus([{"split": split} for split in ("train", "", "test", "test")])
    assert {noise.cut.row for noise in drawn(Noises(corpus, "train"))} == {0, 1}
    assert {noise.cut.row for noise in drawn(Noises(corpus, "test"))} == {2, 3}
    with pytest.raises(DataError, match="no noise for validation"):
        Noises(corpus, "validation")


def test_stretches_lie_inside_of_what_sounds(noise_corpus) -> None:
    for noise in drawn(Noises(noise_corpus, "train")):
        first, last = noise_span(noise_corpus.read(noise.cut.row))
        assert first >= 50
        assert first <= noise.cut.first < noise.cut.first + noise.cut.samples <= last
        assert noise.cut.samples == min(8000, last - first)


def test_without_a_corpus_noise_is_made() -> None:
    slopes = [noise.slope for noise in drawn(Noises(None, "train"))]
    assert min(slopes) < 0 < 1.5 < max(slopes)


def test_rates_must_agree(noise_corpus) -> None:
    assert open_noise(None, 8000) is None
    with pytest.raises(DataError, match="16000 Hz, the voices 8000 Hz"):
        open_noise(str(noise_corpus.path), 8000)
