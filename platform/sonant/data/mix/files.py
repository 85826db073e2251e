"""Mixtures as sound files, for ears and for other people's programs: one recipe at a time, anywhere on a cluster."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import fsspec
import numpy as np
from numpy.typing import NDArray

from sonant.audio.wav import encode_wav
from sonant.data.corpus import Corpus
from sonant.data.mix.recipe import Recipe, from_row, to_row
from sonant.data.mix.render import Rendered, render

LIST_FILE = "mixtures.csv"

Row = dict[str, str | int | float]
Worker = Callable[[str], str]
Spread = Callable[[Callable[..., Worker], tuple[object, ...], Sequence[str]], Iterable[str]]
"""(make, arguments, items) -> answers in order: `make(*arguments)` once a process, what it returns once an item."""


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
    for kind, wav_N in waves.items():
        _write(f"{folder.rstrip('/')}/{path[kind]}", wav_N, rate_hz)
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
    """Writes the files of all recipes, and mixtures.csv last; `spread` deals them out over processes."""
    items = [json.dumps(to_row(recipe)) for recipe in recipes]
    answers = (spread or _here)(Renderer, (corpus, noise_corpus, folder), items)
    rows: list[Row] = [json.loads(answer) for answer in answers]
    with fsspec.open(f"{folder.rstrip('/')}/{LIST_FILE}", "wb", auto_mkdir=True) as file:
        file.write(listing(rows).encode())  # pyright: ignore[reportAttributeAccessIssue]
    return len(rows)


def listing(rows: Sequence[Row]) -> str:
    """The list as CSV, in the manner of LibriMix: sources that a mixture has not are empty cells."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    first = [name for name in names if name.startswith(("mixture_", "source_"))]
    text = io.StringIO()
    writer = csv.DictWriter(text, sorted(first) + [name for name in names if name not in first], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _here(make: Callable[..., Worker], arguments: tuple[object, ...], items: Sequence[str]) -> Iterator[str]:
    if items:
        yield from map(make(*arguments), items)


def _write(url: str, wav_N: NDArray[np.float32], rate_hz: int) -> None:
    options: dict[str, Any] = {} if "://" in url else {"auto_mkdir": True}
    with fsspec.open(url, "wb", **options) as file:
        file.write(encode_wav(wav_N, rate_hz))  # pyright: ignore[reportAttributeAccessIssue]
