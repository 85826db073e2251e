from dataclasses import replace

import pytest

from sonant.data.mix import Cut, Noise, Recipe, Voice
from sonant.data.mix.leaks import check_recipes
from sonant.errors import DataError


def recipe(**changes) -> Recipe:
    voices = (Voice(Cut(0, "a0", 0, 100), "a", 0, 0.0), Voice(Cut(6, "b0", 0, 100), "b", 0, 0.0))
    return replace(Recipe("x", "train", "a", True, voices, (Cut(3, "a3", 0, 50),), 1.0, 100, -30, -30), **changes)


def test_honest_mixtures_pass(voices_corpus) -> None:
    check_recipes([recipe(), recipe(id="y")], voices_corpus)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (recipe(id="y", split="test"), "2 speaker.s. in both test and train: a, b"),
        (recipe(references=(Cut(0, "a0", 0, 50),)), "the target's own recording"),
        (recipe(references=(Cut(6, "b0", 0, 50),)), "the reference is of 'b', not of 'a'"),
        (recipe(present=False), "'a' speaks where somebody else should"),
        (recipe(voices=(recipe().voices[0], replace(recipe().voices[0], begin=5))), "'a' speaks where"),
    ],
)
def test_dishonest_ones_are_named(voices_corpus, other, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        check_recipes([recipe(), other], voices_corpus)
    assert caught.value.code == "data.leak"


def test_noise_is_split_as_well(voices_corpus, noise_corpus) -> None:
    noise = Noise(Cut(3, "n3", 60, 100), 0, 0.0, 10.0)
    far = recipe(
        id="y",
        split="test",
        speaker="k",
        voices=(Voice(Cut(56, "k2", 0, 9), "k", 0, 0.0),),
        references=(Cut(55, "k1", 0, 9),),
        noise=noise,
    )
    assert [voices_corpus.column("speaker")[row] for row in (55, 56)] == ["k", "k"]
    check_recipes([recipe(), far], voices_corpus, noise_corpus)
    with pytest.raises(DataError, match=r"1 noise.s. in both"):
        check_recipes([recipe(noise=noise), far], voices_corpus, noise_corpus)
