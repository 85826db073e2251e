"""Folds of speakers: every speaker is held out once. Pure in (corpus, labels, seed)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.data.corpus import Corpus
from sonant.data.rng import Purpose, rng
from sonant.errors import DataError


def speaker_folds(corpus: Corpus, labels: tuple[str, ...], count: int, seed: int) -> list[tuple[str, ...]]:
    """The speakers of clips with one of `labels` in `count` groups with about as many clips of each label."""
    number = {label: index for index, label in enumerate(labels)}
    clips: dict[str, NDArray[np.int64]] = {}
    for speaker, label in zip(corpus.column("speaker"), corpus.column("label"), strict=True):
        if label in number:
            clips.setdefault(speaker, np.zeros(len(labels), np.int64))[number[label]] += 1
    if "" in clips:
        hint = "prepare the corpus with its speakers: clips of one speaker must not be on both sides"
        raise DataError("data.invalid", f"{corpus.path} has {clips[''].sum()} clips without a speaker", hint=hint)
    if not 2 <= count <= len(clips):
        hint = f"choose 2 to {len(clips)}, the number of its speakers"
        raise DataError("data.invalid", f"{count} folds cannot be made of {corpus.path}", hint=hint)
    held: list[list[str]] = [[] for _ in range(count)]
    count_FL = np.zeros((count, len(labels)), np.int64)
    names = sorted(clips)
    # Who speaks most comes first (chance decides between equals), into the fold where it adds least to the squares:
    # that evens clips and labels out.
    chance = rng(Purpose.SPLIT, seed, 2).permutation(len(names)).tolist()
    order = sorted((-int(clips[name].sum()), draw, name) for draw, name in zip(chance, names, strict=True))
    for _, _, speaker in order:
        # An empty fold comes first in any case: none may stay empty.
        gain_F = ((count_FL + clips[speaker]) ** 2 - count_FL**2).sum(axis=1)
        fold = min(range(count), key=lambda index: (bool(held[index]), int(gain_F[index])))
        held[fold].append(speaker)
        count_FL[fold] += clips[speaker]
    return [tuple(sorted(speakers)) for speakers in held]
