"""`sonant prepare mix`: from a corpus of speech to a table of mixtures, proven before it is written."""

from __future__ import annotations

import time
from collections.abc import Iterator

from models.base import Section
from sonant.config.prepare import PrepareMix
from sonant.data.corpus import Corpus
from sonant.data.mix.files import render_files
from sonant.data.mix.leaks import check_recipes
from sonant.data.mix.measure import verify
from sonant.data.mix.mixer import Mixer
from sonant.data.mix.recipe import Recipe
from sonant.data.mix.render import render
from sonant.data.mix.table import Origin, open_table, write_table
from sonant.data.recipes.drawing import Progress, absolute, sides_of, table_url, unwatched
from sonant.data.recipes.files import Spread
from sonant.data.recipes.sides import SIDES, Side
from sonant.errors import ConfigError, DataError


class MixSummary(Section):
    """What `prepare mix` made."""

    table: str
    """Where it lies."""
    items: dict[Side, int]
    """Mixtures of each side."""
    speakers: dict[Side, int]
    """Speakers that are wanted in them."""
    absent: int
    """Mixtures in which the wanted speaker is silent."""
    seconds: float
    """Length of all mixtures together."""
    rendered: str | None
    """Where their sound files lie."""
    took_s: float
    """Wall clock time."""


def prepare_mix(config: PrepareMix, *, progress: Progress | None = None, spread: Spread | None = None) -> MixSummary:
    """Writes the table at `config.out`, and the sound files where `config.render` says; `spread` renders on a cluster.

    Raises DataError data.leak where speakers, sessions or recordings are on two sides of the split.
    """
    began = time.monotonic()
    out = table_url(config.out)
    corpus = Corpus.open(config.corpus)
    rows = sides_of(corpus, config.split, config.seed)
    mixers: dict[Side, Mixer] = {
        side: Mixer(corpus, rows[side], config.mixing, split=side, seed=config.seed)
        for side in SIDES
        if config.items.get(side, 0)
    }
    if not mixers:
        raise ConfigError("config.invalid", "items names no mixtures at all", hint="write items={train: 8000}")
    recipes = list(_recipes(mixers, config, progress or unwatched))
    noise = next(iter(mixers.values())).noise
    check_recipes(recipes, corpus, noise)
    for mixer in mixers.values():
        for recipe in [recipe for recipe in recipes if recipe.split == mixer.split][: config.verify]:
            verify(mixer.render(recipe), recipe)
    origin = Origin(
        corpus=absolute(config.corpus),
        corpus_hash=corpus.hash,
        noise_corpus=None if noise is None else absolute(str(config.mixing.noise_corpus)),
        noise_hash=None if noise is None else noise.hash,
        sample_rate_hz=corpus.sample_rate_hz,
        seed=config.seed,
        mixing=config.mixing,
    )
    write_table(out, recipes, origin)
    if config.render is not None:
        folder = absolute(config.render)
        render_files(recipes, folder, corpus=origin.corpus, noise_corpus=origin.noise_corpus, spread=spread)
    return MixSummary(
        table=config.out,
        items={side: sum(recipe.split == side for recipe in recipes) for side in mixers},
        speakers={side: len({recipe.speaker for recipe in recipes if recipe.split == side}) for side in mixers},
        absent=sum(not recipe.present for recipe in recipes),
        seconds=round(sum(recipe.samples for recipe in recipes) / corpus.sample_rate_hz, 3),
        rendered=config.render,
        took_s=round(time.monotonic() - began, 3),
    )


def check_table(url: str) -> None:
    """Raises DataError: data.leak for dishonest mixtures, data.invalid where they are not what the table says."""
    table = open_table(url)
    check_recipes(table.recipes, table.corpus, table.noise)
    if not table.recipes:
        raise DataError("data.empty", f"{url} holds no mixtures")
    for recipe in table.recipes:
        verify(render(recipe, table.corpus, table.noise), recipe)


def _recipes(mixers: dict[Side, Mixer], config: PrepareMix, progress: Progress) -> Iterator[Recipe]:
    numbers = [(mixer, index) for side, mixer in mixers.items() for index in range(config.items[side])]
    for done, (mixer, index) in enumerate(numbers, 1):
        yield mixer.recipe(0, index)
        progress(done, len(numbers))
