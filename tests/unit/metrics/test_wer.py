"""Word and character error rates: cases that can be counted by hand, and a slow second opinion."""

from __future__ import annotations

import random
from functools import cache

import pytest

from sonant.metrics.wer import Edits, character_edits, edits, pooled, word_edits

CASES: dict[str, tuple[str, str, tuple[int, int, int, int]]] = {
    "same": ("the cat sat", "the cat sat", (0, 0, 0, 3)),
    "only written differently": ("The cat, sat!", "the CAT sat", (0, 0, 0, 3)),
    "substitution": ("the cat sat", "the dog sat", (1, 0, 0, 3)),
    "deletion": ("the cat sat", "the sat", (0, 1, 0, 3)),
    "insertion": ("the cat sat", "the big cat sat", (0, 0, 1, 3)),
    "nothing heard": ("the cat sat", "", (0, 3, 0, 3)),
    "made up": ("", "hello there", (0, 0, 2, 0)),
    "all at once": ("a b c d", "x b d e", (3, 0, 0, 4)),
}


@pytest.mark.parametrize("case", CASES)
def test_words_are_counted(case: str) -> None:
    reference, hypothesis, counts = CASES[case]
    found = word_edits(reference, hypothesis)
    assert (*found,) == counts
    assert found.errors == sum(counts[:3])


def test_rates() -> None:
    assert word_edits("the cat sat", "the dog").rate == pytest.approx(2 / 3)
    assert character_edits("abcd", "abxd").rate == 0.25
    assert word_edits("", "").rate == 0.0
    assert word_edits("", "x").rate == float("inf")


def test_many_texts_are_one_long_text() -> None:
    parts = [word_edits("a b c d e f g h", "a b c d e f g h"), word_edits("a", "b")]
    assert pooled(parts).rate == pytest.approx(1 / 9)
    assert pooled([]) == Edits(0, 0, 0, 0)


def test_the_fewest_edits_are_found() -> None:
    generator = random.Random(0)
    for _ in range(200):
        one, other = ("".join(generator.choices("abc", k=generator.randrange(9))) for _ in range(2))

        @cache
        def distance(at: int, to: int, one: str = one, other: str = other) -> int:
            if not at or not to:
                return at + to
            swap = distance(at - 1, to - 1) + (one[at - 1] != other[to - 1])
            return min(swap, distance(at - 1, to) + 1, distance(at, to - 1) + 1)

        found = edits(one, other)
        assert found.errors == distance(len(one), len(other))
        assert len(other) == found.length - found.deletions + found.insertions
