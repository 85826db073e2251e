"""Are mixtures honest: nobody on two sides of the split, and no reference out of the recording that it must find?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sonant.data.corpus import Corpus
from sonant.data.mix.recipe import Recipe
from sonant.data.recipes.leaks import leak, shared


def check_recipes(recipes: Sequence[Recipe], corpus: Corpus, noise: Corpus | None = None) -> None:
    """Raises DataError data.leak, with examples."""
    speaker_R, session_R = corpus.column("speaker"), corpus.column("session")
    path_R, hash_R = corpus.column("path"), corpus.column("sha256")
    noise_R = [] if noise is None else noise.column("sha256")
    heard: dict[str, Callable[[Recipe], set[str]]] = {
        "speaker": lambda recipe: set(recipe.speakers) | {speaker_R[row] for row in recipe.rows},
        "session": lambda recipe: {session_R[row] for row in recipe.rows},
        "recording": lambda recipe: {hash_R[row] for row in recipe.rows},
        "noise": lambda recipe: {noise_R[recipe.noise.cut.row]} if recipe.noise and recipe.noise.cut else set(),
    }
    faults = [fault for what, of in heard.items() for fault in shared(what, recipes, of)]
    for recipe in recipes:
        lead = recipe.voices[0].cut.row
        for reference in (cut.row for cut in recipe.references):
            if speaker_R[reference] != recipe.speaker:
                faults.append(f"{recipe.id}: the reference is of {speaker_R[reference]!r}, not of {recipe.speaker!r}")
            if recipe.present and (path_R[reference] == path_R[lead] or hash_R[reference] == hash_R[lead]):
                faults.append(f"{recipe.id}: the reference is of the target's own recording")
        if any(voice.speaker == recipe.speaker for voice in recipe.voices[recipe.present :]):
            faults.append(f"{recipe.id}: {recipe.speaker!r} speaks where somebody else should")
    if faults:
        raise leak(faults)
