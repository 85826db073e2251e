"""What recipes of different sides have in common, and should not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from sonant.data.recipes.table import Drawn
from sonant.errors import DataError

EXAMPLES = 5
R = TypeVar("R", bound=Drawn)


def leak(faults: Sequence[str]) -> DataError:
    """The error that names the first of them."""
    more = "" if len(faults) <= EXAMPLES else f"; and {len(faults) - EXAMPLES} more"
    return DataError("data.leak", "; ".join(faults[:EXAMPLES]) + more)


def shared(what: str, recipes: Iterable[R], heard: Callable[[R], set[str]]) -> list[str]:
    """What is heard on two sides: a fault for each pair of them; `heard` names what a recipe holds."""
    sides: dict[str, set[str]] = {}
    for recipe in recipes:
        sides.setdefault(recipe.split, set()).update(heard(recipe) - {""})
    names = sorted(sides)
    pairs = ((a, b) for number, a in enumerate(names) for b in names[number + 1 :])
    return [
        f"{len(both)} {what}(s) in both {first} and {second}: {', '.join(sorted(both)[:EXAMPLES])}"
        for first, second in pairs
        if (both := sides[first] & sides[second])
    ]
