"""Which recordings of noise each side may have, and which part of a recording is noise."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.data.recipes.noises import Noises, kinds_of, made_noise, noise_span, open_noise, recordings_of
from sonant.errors import DataError

SIDES = ("train", "validation", "test")


def kinds(corpus, side: str, **changes) -> set[str]:
    label_R = corpus.column("label")
    return {label_R[row] for row in kinds_of(corpus, side, **{"seed": 0, **changes}).tolist()}


@pytest.fixture
def labelled(make_corpus):
    """Twenty kinds of noise, three recordings each, that no column splits."""
    return make_corpus([{"label": f"k{number % 20}"} for number in range(60)])


def test_kinds_are_on_one_side_only(labelled) -> None:
    sides = [kinds(labelled, side) for side in SIDES]
    assert set.union(*sides) == set(labelled.labels)
    assert [len(side) for side in sides] == [14, 3, 3]
    assert sum(kinds_of(labelled, side, 0).size for side in SIDES) == 60
    assert kinds(labelled, "test") == sides[2] != kinds(labelled, "test", seed=1)


def test_excluded_kinds_are_on_no_side(labelled) -> None:
    sides = [kinds(labelled, side, excluded=("k3", "k7")) for side in SIDES]
    assert set.union(*sides) == set(labelled.labels) - {"k3", "k7"}
    with pytest.raises(DataError, match=r"no noise labelled Babble"):
        kinds_of(labelled, "train", 0, excluded=("Babble",))


def test_sides_that_the_corpus_names_are_followed_and_the_others_dealt(make_corpus) -> None:
    corpus = make_corpus([{"label": f"k{n % 10}", "split": "test" if n % 10 > 7 else "train"} for n in range(30)])
    assert kinds(corpus, "test") == {"k8", "k9"}
    validation = kinds(corpus, "validation")
    assert len(validation) == 1
    assert kinds(corpus, "train") == {f"k{n}" for n in range(8)} - validation


def test_copies_are_of_one_kind_and_recordings_without_a_label_are_kinds(make_corpus) -> None:
    same = np.full(800, 7, np.int16)
    waves = [same, *[np.full(800, 10 + n, np.int16) for n in range(7)], same]
    corpus = make_corpus([{} for _ in waves], pcm=waves)
    rows = [set(kinds_of(corpus, side, 0).tolist()) for side in SIDES]
    assert sum(map(len, rows)) == len(set.union(*rows)) == 9
    assert any({0, 8} <= side for side in rows)


def test_one_kind_of_noise_is_for_training_only(make_corpus) -> None:
    corpus = make_corpus([{"label": "hum"}] * 3)
    assert kinds_of(corpus, "train", 0).size == 3
    with pytest.raises(DataError, match="no noise for test"):
        kinds_of(corpus, "test", 0)


def test_stretches_lie_inside_of_what_sounds(noise_corpus) -> None:
    noises = Noises(noise_corpus, recordings_of(noise_corpus, "train"))
    generator = np.random.default_rng(0)
    for _ in range(300):
        cut = noises.cut(generator.random(), generator.random(), 8000)
        first, last = noise_span(noise_corpus.read(cut.row), 320)
        assert first >= 50
        assert first <= cut.first < cut.first + cut.samples <= last
        assert cut.samples == min(8000, last - first)


def test_zeros_that_fill_a_clip_up_are_no_noise() -> None:
    generator = np.random.default_rng(0)
    pcm_N = generator.integers(1, 100, 5000).astype(np.int16)
    pcm_N[:200] = pcm_N[1000:1400] = pcm_N[2000:2100] = pcm_N[4000:] = 0
    # The hole of 400 parts it, the one of 100 does not.
    assert noise_span(pcm_N, 320) == (1400, 4000)
    assert noise_span(pcm_N, 80) == (2100, 4000)


def test_silent_recordings_are_left_out(make_corpus) -> None:
    corpus = make_corpus([{}, {}], pcm=[np.zeros(800, np.int16), np.full(800, 3, np.int16)])
    noises = Noises(corpus)
    assert {noises.cut(which, 0.5, 100).row for which in (0.0, 0.4, 0.9)} == {1}


def test_made_noise_has_its_colour_and_a_level_of_one() -> None:
    wav_N = made_noise(7, 2.0, 16_000)
    power_F = np.abs(np.fft.rfft(wav_N)) ** 2
    assert power_F[:800].sum() > 20 * power_F[800:].sum()
    assert np.array_equal(wav_N, made_noise(7, 2.0, 16_000))
    assert Noises(None).cut(0.5, 0.5, 100) is None


def test_rates_must_agree(noise_corpus) -> None:
    assert open_noise(None, 8000) is None
    with pytest.raises(DataError, match="16000 Hz, the voices 8000 Hz"):
        open_noise(str(noise_corpus.path), 8000)
