"""Noise for recipes: recordings of a corpus, of the right side of its split, or coloured noise that is made."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sonant.data.colour import coloured
from sonant.data.corpus import Corpus
from sonant.data.recipes.parts import Cut
from sonant.data.recipes.sides import SIDES, Side
from sonant.data.rng import Purpose, rng, text_seed
from sonant.errors import DataError

SLOPES = (-0.5, 2.0)
"""Range of how fast the power of made noise falls with frequency, as in `data.colour`."""
SEEDS = 1 << 31

Ints = NDArray[np.int64]

# Where the corpus itself splits nothing: ten parts, of which so many are not for training.
_PARTS = 10
_HELD = {"validation": (8,), "test": (9,), "train": tuple(range(8))}
_KINDS_HELD = 0.15
"""Share of the kinds of noise that validation gets, and again test."""
_HOLE_S = 0.02
"""So many zeros in a row are no sound but padding."""


def open_noise(url: str | None, rate_hz: int) -> Corpus | None:
    """The corpus of noise that a config names; None where noise is made."""
    if url is None:
        return None
    corpus = Corpus.open(url)
    if corpus.sample_rate_hz != rate_hz:
        rates = f"{corpus.sample_rate_hz} Hz, the voices {rate_hz} Hz"
        raise DataError("data.invalid", f"{url} has {rates}", hint="prepare it at the same rate")
    return corpus


class Noises:
    """Recordings of noise, those without any sound left out; none: noise is made."""

    def __init__(self, corpus: Corpus | None, rows: Ints | None = None) -> None:
        self.corpus = corpus
        self._rows: Ints = np.zeros(0, np.int64)
        if corpus is not None:
            rows = np.arange(len(corpus)) if rows is None else rows
            self._rows = rows[[bool(corpus.read(row).any()) for row in rows.tolist()]]
        self.span = cache(self._span)

    def cut(self, which: float, where: float, samples: int) -> Cut | None:
        """`samples` of the recording that lies at `which` (0..1), from `where` (0..1), or all of a shorter one's
        sound; None where noise is made."""
        if self.corpus is None:
            return None
        row = int(self._rows[int(which * self._rows.size)])
        first, last = self.span(row)
        latest = max(first, last - samples)
        begin = first + int(where * (latest - first + 1))
        return Cut(row, self.corpus.table.column("id")[row].as_py(), begin, min(samples, last - begin))

    def _span(self, row: int) -> tuple[int, int]:
        assert self.corpus is not None
        return noise_span(self.corpus.read(row), round(_HOLE_S * self.corpus.sample_rate_hz))


def noise_span(pcm_N: NDArray[np.int16], hole: int) -> tuple[int, int]:
    """First and last (exclusive) sample of the longest stretch without `hole` zeros in a row: clips of published sets
    are filled up with zeros, at their ends and in between, which are no noise."""
    sounding = np.flatnonzero(pcm_N)
    holes = np.flatnonzero(np.diff(sounding) > hole)
    firsts = sounding[np.concatenate(([0], holes + 1))]
    lasts = sounding[np.concatenate((holes, [sounding.size - 1]))] + 1
    longest = int(np.argmax(lasts - firsts))
    return int(firsts[longest]), int(lasts[longest])


def made_noise(seed: int, slope: float, samples: int) -> NDArray[np.float32]:
    """Coloured noise with an RMS of about 1, for recipes that name no recording."""
    # Transforms of other lengths (primes!) are slow.
    size = 1 << max(10, (samples - 1).bit_length())
    return coloured(rng(Purpose.NOISE, seed), size, slope)[:samples]


def recordings_of(corpus: Corpus, side: Side) -> Ints:
    """Rows of one side: by the corpus' own split, or else by a hash of each recording's name."""
    split_R = np.array(corpus.column("split"))
    if (split_R == "").all():
        part_R = np.array([text_seed(name) % _PARTS for name in corpus.column("id")])
        return _some(np.isin(part_R, _HELD[side]), corpus, side)
    # What the corpus leaves open is for training.
    return _some(np.isin(split_R, ("train", "") if side == "train" else (side,)), corpus, side)


def kinds_of(corpus: Corpus, side: Side, seed: int, excluded: Sequence[str] = ()) -> Ints:
    """Rows of one side, so that kinds of noise (labels) are on one side only; without the excluded labels.

    Sides that the corpus' own split names are as it says. The others get whole kinds of what is left for training,
    dealt by a hash of (seed, label): 15 % of them for validation, 15 % for test, at least one each. Copies of a
    recording go where its first kind goes; a recording without a label is a kind of its own.
    """
    known = set(corpus.labels)
    wrong = sorted(set(excluded) - known)
    if wrong:
        hint = f"it has {', '.join(sorted(known)[:40])}"
        raise DataError("data.invalid", f"{corpus.path} has no noise labelled {', '.join(wrong)}", hint=hint)
    split_R = np.array(corpus.column("split"))
    used_R = ~np.isin(np.array(corpus.column("label")), list(excluded))
    side_R = np.where(split_R == "", "train", split_R).astype(object)
    kind_R = np.array(_kinds(corpus))
    for held in ("validation", "test"):
        # What the other held-out side has already is not dealt again.
        open_R = (side_R == "train") & used_R
        kinds = sorted(set(kind_R[open_R].tolist()), key=lambda kind: text_seed(f"{seed} {kind}"))
        if held not in split_R and len(kinds) > 1:
            count = max(1, round(_KINDS_HELD * len(kinds)))
            side_R[np.isin(kind_R, kinds[:count]) & open_R] = held
    return _some((side_R == side) & used_R, corpus, side)


def _kinds(corpus: Corpus) -> list[str]:
    """The kind of each row: its label, but of a copy the label of the recording that it is a copy of."""
    kinds: list[str] = []
    first: dict[str, str] = {}
    names = zip(corpus.column("label"), corpus.column("id"), corpus.column("sha256"), strict=True)
    for label, name, content in names:
        kinds.append(first.setdefault(content, f"label {label}" if label else f"id {name}"))
    return kinds


def _some(chosen_R: NDArray[np.bool_], corpus: Corpus, side: Side) -> Ints:
    if not chosen_R.any():
        hint = f"a corpus of noise needs recordings for {', '.join(SIDES)}"
        raise DataError("data.empty", f"{corpus.path} has no noise for {side}", hint=hint)
    return np.flatnonzero(chosen_R)
