"""Dishonest sets of noisy speech are found out."""

from __future__ import annotations

import pytest

from sonant.data.noisy.leaks import check_recipes
from sonant.data.noisy.recipe import Noise, Piece, Recipe
from sonant.data.recipes.parts import Cut
from sonant.errors import DataError


def item(split: str, row: int, noise: int) -> Recipe:
    piece = Piece(Cut(row, f"c{row}", 0, 100), 0, ())
    return Recipe("x", split, "", (piece,), (Noise(Cut(noise, f"n{noise}", 0, 100), 0, 0.0, 0.0),), 100, 0.0, -30.0)


def test_what_is_on_two_sides(make_corpus) -> None:
    speech = make_corpus([{"speaker": f"s{n // 2}", "session": f"t{n // 3}"} for n in range(8)], name="speech")
    noise = make_corpus([{"label": f"k{n // 2}"} for n in range(8)], name="noise")
    honest = [item("train", 0, 0), item("test", 6, 6)]
    check_recipes(honest, speech, noise)
    check_recipes(honest, speech)
    for extra, says in (
        (item("test", 1, 6), r"1 speaker\(s\) in both test and train: s0"),
        (item("test", 2, 6), r"1 session\(s\) in both test and train: t0"),
        (item("test", 0, 6), r"1 recording\(s\)"),
        (item("test", 6, 0), r"1 noise\(s\)"),
        (item("test", 6, 1), r"1 kind of noise\(s\) in both test and train: k0"),
    ):
        with pytest.raises(DataError, match=says):
            check_recipes([*honest, extra], speech, noise)


def test_kinds_of_noise_are_as_the_corpus_splits_them(make_corpus) -> None:
    speech = make_corpus([{"speaker": f"s{n}"} for n in range(2)], name="speech")
    noise = make_corpus([{"label": "k", "split": split} for split in ("train", "test")], name="noise")
    check_recipes([item("train", 0, 0), item("test", 1, 1)], speech, noise)
