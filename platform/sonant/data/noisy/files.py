"""Noisy speech as sound files: noisy and clean side by side, and a list of the pairs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sonant.data.corpus import Corpus
from sonant.data.noisy.recipe import Recipe, from_row, to_row
from sonant.data.noisy.render import Rendered, render
from sonant.data.recipes.files import Row, Spread, render_items, write_waves

LIST_FILE = "pairs.csv"


class Renderer:
    """Renders recipes to files below a folder or URL; recipes and rows of the list travel as JSON."""

    def __init__(self, corpus: str, noise_corpus: str | None, folder: str) -> None:
        self._corpus = Corpus.open(corpus)
        self._noise = None if noise_corpus is None else Corpus.open(noise_corpus)
        self._folder = folder

    def __call__(self, text: str) -> str:
        recipe = from_row(json.loads(text))
        rendered = render(recipe, self._corpus, self._noise)
        row = write_item(recipe, rendered, self._folder, self._corpus.sample_rate_hz)
        return json.dumps({**row, "noise": noise_names(recipe, self._noise)})


def write_item(recipe: Recipe, rendered: Rendered, folder: str, rate_hz: int) -> Row:
    """Writes the files of an item and gives its row of the list, with paths relative to the folder."""
    waves = {"noisy": rendered.noisy_N, "clean": rendered.clean_N, "noise": rendered.noise_N}
    path = {kind: f"{recipe.split}/{kind}/{recipe.id}.wav" for kind in waves if kind != "noise" or recipe.noises}
    write_waves(folder, {path[kind]: waves[kind] for kind in path}, rate_hz)
    return {
        "id": recipe.id,
        "noisy_path": path["noisy"],
        "clean_path": path["clean"],
        "noise_path": path.get("noise", ""),
        "length": recipe.samples,
        "snr_db": round(recipe.snr_db, 3),
        "speaker": recipe.speaker,
        "split": recipe.split,
        # So that the list is a manifest, too.
        "path": path["noisy"],
    }


def noise_names(recipe: Recipe, noise: Corpus | None) -> str:
    """Kinds of noise in an item, joined by +; of made noise, how fast its power falls with frequency."""
    names = [
        f"coloured {found.slope:.1f}"
        if found.cut is None or noise is None
        else str(noise.table.column("label")[found.cut.row].as_py() or found.cut.id)
        for found in recipe.noises
    ]
    return "+".join(sorted(set(names)))


def render_files(
    recipes: Sequence[Recipe],
    folder: str,
    *,
    corpus: str,
    noise_corpus: str | None,
    spread: Spread | None = None,
) -> int:
    """Writes the files of all recipes, and pairs.csv last."""
    items = [json.dumps(to_row(recipe)) for recipe in recipes]
    arguments = (corpus, noise_corpus, folder)
    list_url = f"{folder.rstrip('/')}/{LIST_FILE}"
    return render_items(Renderer, arguments, items, list_url, spread=spread, sort=lambda name: False)
