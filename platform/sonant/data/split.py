"""Training, validation and test rows of a corpus. Pure in (corpus, config, seed)."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonant.config.data import Split
from sonant.data.corpus import Corpus
from sonant.data.rng import Purpose, rng
from sonant.errors import DataError

Rows = NDArray[np.int64]


class Splits(NamedTuple):
    """Row numbers of the corpus, each set sorted. Validation and test may be empty."""

    train: Rows
    validation: Rows
    test: Rows


def split(corpus: Corpus, cfg: Split, seed: int) -> Splits:
    """Splits a corpus as `cfg` says; `seed` counts where it names none of its own. What is drawn here keeps speakers
    (or clips), sessions and copies together."""
    seed = seed if cfg.seed is None else cfg.seed
    clips = _Clips(corpus)
    train, validation, test = _SPLITTERS[cfg.kind](clips, cfg, seed)
    if train.size == 0:
        raise DataError("data.empty", f"split.kind={cfg.kind} leaves no clips for training")
    if validation.size == 0 and cfg.validation > 0:
        held = clips.hold_out(train, cfg.validation, cfg.by, rng(Purpose.SPLIT, seed, 0), "validation")
        train, validation = np.setdiff1d(train, held), held
    return Splits(train, validation, test)


def _by_manifest(clips: _Clips, cfg: Split, seed: int) -> Splits:
    """The column `split`; clips that it leaves open are training material."""
    return Splits(*(np.flatnonzero(np.isin(clips.split_R, names)) for names in (("train", ""), "validation", "test")))


def _by_names(clips: _Clips, cfg: Split, seed: int) -> Splits:
    """The named speakers are the test set."""
    known = sorted(set(clips.speaker_R.tolist()) - {""})
    for speaker in cfg.speakers:
        if speaker not in known:
            near = difflib.get_close_matches(speaker, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"speakers: {', '.join(known[:20])}"
            raise DataError("data.invalid", f"split.speakers: the corpus has no speaker {speaker!r}", hint=hint)
    if not cfg.speakers:
        raise DataError(
            "data.invalid", "split.kind=leave_out needs split.speakers", hint=f"it has {', '.join(known[:20])}"
        )
    test_R = np.isin(clips.speaker_R, cfg.speakers)
    return Splits(np.flatnonzero(~test_R), _NONE, np.flatnonzero(test_R))


def _by_chance(clips: _Clips, cfg: Split, seed: int) -> Splits:
    """Whole speakers are drawn for the test set; the column `split` is not looked at."""
    rows = np.arange(clips.split_R.size)
    test = clips.hold_out(rows, cfg.test, "speaker", rng(Purpose.SPLIT, seed, 1), "test") if cfg.test else _NONE
    return Splits(np.setdiff1d(rows, test), _NONE, test)


_NONE: Rows = np.zeros(0, np.int64)
_SPLITTERS: dict[str, Callable[[_Clips, Split, int], Splits]] = {
    "manifest": _by_manifest,
    "leave_out": _by_names,
    "random_speakers": _by_chance,
}


class _Clips:
    """The columns of a corpus that splits depend on, row by row."""

    def __init__(self, corpus: Corpus) -> None:
        self.split_R = np.array(corpus.column("split"))
        self.speaker_R = np.array(corpus.column("speaker"))
        self.session_R = np.array(corpus.column("session"))
        self.hash_R = np.array(corpus.column("sha256"))
        _, self.label_R = np.unique(np.array(corpus.column("label")), return_inverse=True)

    def hold_out(self, rows: Rows, share: float, by: str, generator: np.random.Generator, what: str) -> Rows:
        """Some `share` of `rows`, with all labels in about the same share, in whole groups: at least one group."""
        ties = {"speaker": (self.speaker_R, self.session_R, self.hash_R), "clip": (self.hash_R,)}[by]
        group_R = _groups([column_R[rows] for column_R in ties])
        groups = int(group_R.max()) + 1
        if groups < 2:
            hint = "split.by=clip holds single clips out, split.validation=0 none" if by == "speaker" else None
            raise DataError("data.invalid", f"there is one {by} only: none can be held out for {what}", hint=hint)
        labels = int(self.label_R.max()) + 1
        count_GL = np.zeros((groups, labels), np.int64)
        np.add.at(count_GL, (group_R, self.label_R[rows]), 1)
        held = _balanced(count_GL, share, generator.permutation(groups))
        return rows[np.isin(group_R, held)]


def _groups(columns: list[NDArray[np.str_]]) -> NDArray[np.int64]:
    """Numbers of the groups of rows that are tied, through any chain of equal cells; an empty cell ties nothing."""
    parent = list(range(columns[0].size))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for column in columns:
        first: dict[str, int] = {}
        for row, cell in enumerate(column.tolist()):
            if cell:
                parent[root(row)] = root(first.setdefault(cell, row))
    _, group_R = np.unique([root(row) for row in range(len(parent))], return_inverse=True)
    return group_R.astype(np.int64)


def _balanced(count_GL: NDArray[np.int64], share: float, order_G: NDArray[np.int64]) -> list[int]:
    """Groups whose labels add up to about `share` of each label's clips: in the given order, each that helps."""
    wanted_L = share * count_GL.sum(axis=0)
    missing_L = wanted_L.copy()
    held: list[int] = []
    for group in order_G.tolist():
        if np.abs(missing_L - count_GL[group]).sum() < np.abs(missing_L).sum() and len(held) + 1 < len(order_G):
            held.append(group)
            missing_L -= count_GL[group]
    # Every group is too big: the one that misses by least.
    return held or [int(order_G[np.abs(wanted_L - count_GL[order_G]).sum(axis=1).argmin()])]
