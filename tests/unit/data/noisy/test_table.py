"""What a table gives back is what was drawn, over the corpora that it was drawn over and no others."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.config.noisy import Noising
from sonant.data.noisy.items import item
from sonant.data.noisy.mixer import NoisyMixer
from sonant.data.noisy.render import render
from sonant.data.noisy.table import Origin, open_table, write_table
from sonant.data.recipes.items import Fixed
from sonant.errors import DataError


@pytest.fixture
def table(voices_corpus, noise_corpus, rows_of, tmp_path):
    cfg = Noising(
        item_s=1.2, noise_only_p=0.2, clean_only_p=0.2, room_p=0.5, clip_p=0.5, codec_p=0.5, band_limit_p=0.5,
        noise_corpus=str(noise_corpus.path),
    )  # fmt: skip
    mixer = NoisyMixer(voices_corpus, rows_of(voices_corpus, "train"), cfg, split="train", seed=1)
    recipes = [mixer.recipe(0, index) for index in range(30)]
    origin = Origin(
        corpus=str(voices_corpus.path), corpus_hash=voices_corpus.hash, noise_corpus=str(noise_corpus.path),
        noise_hash=noise_corpus.hash, sample_rate_hz=16_000, seed=1, noising=cfg,
    )  # fmt: skip
    url = str(tmp_path / "t.parquet")
    write_table(url, recipes, origin)
    return url, mixer, recipes


def test_rendering_from_the_table_equals_rendering_on_the_fly(table) -> None:
    url, mixer, recipes = table
    opened = open_table(url)
    assert opened.recipes == recipes == opened.of("train")
    assert opened.origin.noising == mixer.cfg
    items = Fixed(opened.recipes, lambda r: item(r, render(r, opened.corpus, opened.noise)), 16_000)
    for index in range(30):
        fresh, kept = mixer.item(mixer.recipe(0, index)), items.item(4, index)
        assert (fresh.id, fresh.snr_db) == (kept.id, kept.snr_db)
        assert np.array_equal(fresh.noisy_N, kept.noisy_N)
        assert np.array_equal(fresh.clean_N, kept.clean_N)


def test_a_corpus_that_was_prepared_anew_is_refused(table, noise_corpus) -> None:
    with pytest.raises(DataError, match=r"another content.*"):
        open_table(table[0], corpus=str(noise_corpus.path))


def test_files_that_are_no_tables(tmp_path, voices_corpus) -> None:
    for url, says in (
        (voices_corpus.path / "manifest.parquet", "no table of `sonant prepare noisy`"),
        (tmp_path / "none.parquet", "cannot read"),
    ):
        with pytest.raises(DataError, match=says):
            open_table(str(url))
