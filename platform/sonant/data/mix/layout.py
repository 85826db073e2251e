"""When each voice of a mixture begins, so that others share an exact part of the first one's time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Layout(NamedTuple):
    """All voices are equally long: then an overlap of 1 is possible, and means that all speak all the time."""

    length: int
    """Samples of each voice."""
    begins: tuple[int, ...]
    """Where they begin, the first voice first."""
    samples: int
    """Length of the mixture."""


def lay_out(longest: int, before: Sequence[bool], overlap: float, window: int | None) -> Layout:
    """Voices of at most `longest` samples in at most `window`: each of the others begins before the first one, or after
    it, by as much as leaves `overlap` of its time in common with the first."""
    sides = len(set(before))
    length = longest
    if window is not None:
        # The first voice, and on each side the part of another that stands out.
        length = min(longest, int(window / (1 + sides * (1 - overlap))))
    shift = int((1 - overlap) * length)
    first = shift if any(before) else 0
    others = tuple(first - shift if early else first + shift for early in before)
    return Layout(length, (first, *others), length + sides * shift)
