"""Is noisy speech honest: is no speaker, recording or kind of noise on two sides of the split?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sonant.data.corpus import Corpus
from sonant.data.noisy.recipe import Recipe
from sonant.data.recipes.leaks import leak, shared


def check_recipes(recipes: Sequence[Recipe], corpus: Corpus, noise: Corpus | None = None) -> None:
    """Raises DataError data.leak, with examples. Kinds of noise are compared where the corpus of noise has no split of
    its own: one that has may have recordings of a kind on two sides."""
    speaker_R, session_R, hash_R = (corpus.column(name) for name in ("speaker", "session", "sha256"))
    heard: dict[str, Callable[[Recipe], set[str]]] = {
        "speaker": lambda recipe: {speaker_R[row] for row in recipe.rows},
        "session": lambda recipe: {session_R[row] for row in recipe.rows},
        "recording": lambda recipe: {hash_R[row] for row in recipe.rows},
    }
    if noise is not None:
        content_R, label_R = noise.column("sha256"), noise.column("label")
        heard["noise"] = lambda recipe: {content_R[row] for row in _noise_rows(recipe)}
        if not any(noise.column("split")):
            heard["kind of noise"] = lambda recipe: {label_R[row] for row in _noise_rows(recipe)}
    faults = [fault for what, of in heard.items() for fault in shared(what, recipes, of)]
    if faults:
        raise leak(faults)


def _noise_rows(recipe: Recipe) -> list[int]:
    return [noise.cut.row for noise in recipe.noises if noise.cut is not None]
