"""Mixtures as sound files, for ears and for other people's programs: one recipe at a time, anywhere on a cluster."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sonant.data.corpus import Corpus
from sonant.data.mix.recipe import Recipe, from_row, to_row
from sonant.data.mix.render import Rendered, render
from sonant.data.recipes.files import Row, Spread, render_items, write_waves

LIST_FILE = "mixtures.csv"


class Renderer:
    """Renders recipes to files below a folder or URL; recipes and rows of the list travel as JSON."""

    def __init__(self, corpus: str, noise_corpus: str | None, folder: str) -> None:
        self._corpus = Corpus.open(corpus)
        self._noise = None if noise_corpus is None else Corpus.open(noise_corpus)
        self._folder = folder

    def __call__(self, text: str) -> str:
        recipe = from_row(json.loads(text))
        rendered = render(recipe, self._corpus, self._noise)
        return json.dumps(write_item(recipe, rendered, self._folder, self._corpus.sample_rate_hz))


def write_item(recipe: Recipe, rendered: Rendered, folder: str, rate_hz: int) -> Row:
    """Writes the files of a mixture and gives its row of the list, with paths relative to the folder."""
    waves = {"mix": rendered.mix_N, "s1": rendered.target_N, "ref": rendered.ref_R}
    waves |= {f"s{number}": wav_N for number, wav_N in enumerate(rendered.others_KN, 2)}
    if recipe.noise is not None:
        waves["noise"] = rendered.noise_N
    path = {kind: f"{recipe.split}/{kind}/{recipe.id}.wav" for kind in waves}
    write_waves(folder, {path[kind]: wav_N for kind, wav_N in waves.items()}, rate_hz)
    return {
        "mixture_ID": recipe.id,
        "mixture_path": path["mix"],
        "length": recipe.samples,
        "noise_path": path.get("noise", ""),
        "reference_path": path["ref"],
        "speaker": recipe.speaker,
        "present": int(recipe.present),
        "split": recipe.split,
        "overlap": round(recipe.overlap, 4),
        "snr_db": " ".join(f"{voice.snr_db:.3f}" for voice in recipe.voices[1:]),
        **{f"source_{kind[1:]}_path": name for kind, name in path.items() if kind[1:].isdigit()},
        # So that the list is a manifest, too.
        "id": recipe.id,
        "path": path["mix"],
    }


def render_files(
    recipes: Sequence[Recipe],
    folder: str,
    *,
    corpus: str,
    noise_corpus: str | None,
    spread: Spread | None = None,
) -> int:
    """Writes the files of all recipes, and mixtures.csv last, in the manner of LibriMix."""
    items = [json.dumps(to_row(recipe)) for recipe in recipes]
    arguments = (corpus, noise_corpus, folder)
    return render_items(Renderer, arguments, items, f"{folder.rstrip('/')}/{LIST_FILE}", spread=spread, sort=_is_path)


def _is_path(name: str) -> bool:
    return name.startswith(("mixture_", "source_"))
