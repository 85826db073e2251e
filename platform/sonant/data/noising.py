"""`sonant prepare noisy`: from corpora of speech and noise to a table of noisy speech, proven before it is written."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from models.base import Section
from sonant.config.prepare import PrepareNoisy
from sonant.data.corpus import Corpus
from sonant.data.noisy.files import render_files
from sonant.data.noisy.leaks import check_recipes
from sonant.data.noisy.measure import verify
from sonant.data.noisy.mixer import NoisyMixer
from sonant.data.noisy.recipe import Recipe
from sonant.data.noisy.render import render
from sonant.data.noisy.table import Origin, open_table, write_table
from sonant.data.recipes.drawing import Progress, absolute, sides_of, table_url, unwatched
from sonant.data.recipes.files import Spread
from sonant.data.recipes.sides import SIDES, Side
from sonant.errors import ConfigError, DataError


class NoisySummary(Section):
    """What `prepare noisy` made."""

    table: str
    """Where it lies."""
    items: dict[Side, int]
    """Items of each side."""
    speakers: dict[Side, int]
    """Speakers in them."""
    noise_only: int
    """Items without speech."""
    clean_only: int
    """Items without noise."""
    seconds: float
    """Length of all items together."""
    rendered: str | None
    """Where their sound files lie."""
    took_s: float
    """Wall clock time."""


def prepare_noisy(
    config: PrepareNoisy, *, progress: Progress | None = None, spread: Spread | None = None
) -> NoisySummary:
    """Writes the table at `config.out`, and the sound files where `config.render` says; `spread` renders on a cluster.

    Raises DataError data.leak where speakers, sessions, recordings or kinds of noise are on two sides of the split.
    """
    began = time.monotonic()
    out, wanted = table_url(config.out), config.items if config.hours is None else config.hours
    corpus = Corpus.open(config.corpus)
    rows = sides_of(corpus, config.split, config.seed)
    mixers: dict[Side, NoisyMixer] = {
        side: NoisyMixer(corpus, rows[side], config.noising, split=side, seed=config.seed)
        for side in SIDES
        if wanted.get(side, 0)
    }
    if not mixers:
        raise ConfigError("config.invalid", "items names no items at all", hint="write items={train: 8000}")
    recipes = list(_recipes(mixers, config, progress or unwatched))
    noise = next(iter(mixers.values())).noise
    check_recipes(recipes, corpus, noise)
    for mixer in mixers.values():
        for recipe in [recipe for recipe in recipes if recipe.split == mixer.split][: config.verify]:
            verify(mixer.render(recipe), recipe)
    origin = Origin(
        corpus=absolute(config.corpus),
        corpus_hash=corpus.hash,
        noise_corpus=None if noise is None else absolute(str(config.noising.noise_corpus)),
        noise_hash=None if noise is None else noise.hash,
        sample_rate_hz=corpus.sample_rate_hz,
        seed=config.seed,
        noising=config.noising,
    )
    write_table(out, recipes, origin)
    if config.render is not None:
        folder = absolute(config.render)
        render_files(recipes, folder, corpus=origin.corpus, noise_corpus=origin.noise_corpus, spread=spread)
    return NoisySummary(
        table=out,
        items={side: sum(recipe.split == side for recipe in recipes) for side in mixers},
        speakers={side: len({r.speaker for r in recipes if r.split == side} - {""}) for side in mixers},
        noise_only=sum(not recipe.pieces for recipe in recipes),
        clean_only=sum(not recipe.noises for recipe in recipes),
        seconds=round(sum(recipe.samples for recipe in recipes) / corpus.sample_rate_hz, 3),
        rendered=config.render,
        took_s=round(time.monotonic() - began, 3),
    )


def check_table(url: str) -> None:
    """Raises DataError: data.leak for dishonest items, data.invalid where they are not what the table says."""
    table = open_table(url)
    check_recipes(table.recipes, table.corpus, table.noise)
    if not table.recipes:
        raise DataError("data.empty", f"{url} holds no items")
    for recipe in table.recipes:
        verify(render(recipe, table.corpus, table.noise), recipe)


def _recipes(mixers: dict[Side, NoisyMixer], config: PrepareNoisy, progress: Progress) -> Iterator[Recipe]:
    """So many items of each side, or until they are so many hours."""
    hours, item_s = config.hours, config.noising.item_s
    count = {side: math.ceil(hours[side] * 3600 / item_s) if hours else config.items[side] for side in mixers}
    done, total = 0, sum(count.values())
    for side, mixer in mixers.items():
        left = hours[side] * 3600 * mixer.sample_rate_hz if hours else math.inf
        for index in range(count[side]):
            if left <= 0:
                break
            recipe = mixer.recipe(0, index)
            yield recipe
            left, done = left - recipe.samples, done + 1
            progress(done, total)
