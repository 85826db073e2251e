"""What a table gives back is what was drawn, over the corpora that it was drawn over and no others."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.config.mix import Mixing
from sonant.data.mix.items import item
from sonant.data.mix.mixer import Mixer
from sonant.data.mix.render import render
from sonant.data.mix.table import Origin, open_table, write_table
from sonant.data.recipes.items import Fixed
from sonant.errors import DataError


@pytest.fixture
def table(voices_corpus, noise_corpus, rows_of, tmp_path):
    cfg = Mixing(
        mix_s=0.8, min_s=0.2, reference_s=(0.3, 0.5), absent_p=0.3, interferers=(0, 2), references=(1, 2),
        noise_p=0.5, noise_corpus=str(noise_corpus.path), room_p=0.5,
    )  # fmt: skip
    mixer = Mixer(voices_corpus, rows_of(voices_corpus, "train"), cfg, split="train", seed=1)
    recipes = [mixer.recipe(0, index) for index in range(30)]
    origin = Origin(
        corpus=str(voices_corpus.path), corpus_hash=voices_corpus.hash, noise_corpus=str(noise_corpus.path),
        noise_hash=noise_corpus.hash, sample_rate_hz=16_000, seed=1, mixing=cfg,
    )  # fmt: skip
    url = str(tmp_path / "t.parquet")
    write_table(url, recipes, origin)
    return url, mixer, recipes


def test_rendering_from_the_table_equals_rendering_on_the_fly(table) -> None:
    url, mixer, recipes = table
    opened = open_table(url)
    assert opened.recipes == recipes == opened.of("train")
    assert opened.origin.mixing == mixer.cfg
    assert {recipe.noise is None for recipe in recipes} == {recipe.room is None for recipe in recipes} == {True, False}
    make = lambda recipe: item(recipe, render(recipe, opened.corpus, opened.noise))  # noqa: E731
    items = Fixed(opened.recipes, make, opened.corpus.sample_rate_hz)
    for index in range(30):
        fresh = mixer.render(mixer.recipe(0, index))
        for kept in (render(opened.recipes[index], opened.corpus, opened.noise), items.item(4, index).rendered):
            assert all(np.array_equal(a, b) for a, b in zip(fresh, kept, strict=True))


def test_a_corpus_that_was_prepared_anew_is_refused(table, noise_corpus) -> None:
    with pytest.raises(DataError, match="another content"):
        open_table(table[0], corpus=str(noise_corpus.path))


def test_files_that_are_no_tables(tmp_path, voices_corpus) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    for url, says in (
        (tmp_path / "x.parquet", "is no table"),
        (voices_corpus.path / "manifest.parquet", "is no table"),
        (tmp_path / "none.parquet", "cannot read"),
    ):
        with pytest.raises(DataError, match=says):
            open_table(str(url))
