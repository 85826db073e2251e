"""Clips of any length copied into windows of one length: the loader's inner loop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.data.augment import Placement
from sonant.data.corpus import Corpus

Pcm = NDArray[np.int16]
Ints = NDArray[np.int64]


def centred(samples_B: Ints, window: int) -> Ints:
    """Where clips of these lengths begin in a window when their middles meet; negative when the window is shorter."""
    return np.where(samples_B <= window, (window - samples_B) // 2, -((samples_B - window) // 2))


def placed(samples_B: Ints, window: int, draw: Placement, rate_hz: int) -> Ints:
    """Where varied clips begin: shifted from the middle, but half of a clip stays in the window; at the end behind
    their context; or cut anywhere."""
    free_B = window - samples_B
    shifted_B = centred(samples_B, window) + np.rint(draw.shift_s * rate_hz).astype(np.int64)
    shifted_B = shifted_B.clip(-(samples_B // 2), window - samples_B // 2)
    behind_B = np.maximum(free_B - np.rint(draw.tail_s * rate_hz).astype(np.int64), 0)
    cut_B = -(draw.crop * (1 - free_B)).astype(np.int64)
    return np.where(free_B < 0, cut_B, np.where(draw.context & (free_B > 0), behind_B, shifted_B))


def fill(corpus: Corpus, rows: list[int], begin_B: Ints, window: int) -> tuple[Pcm, Ints]:
    """Windows (B, N) with each clip from `begin` on and zeros elsewhere, and how many samples of it are inside."""
    wav_BN = np.zeros((len(rows), window), np.int16)
    length_B = np.zeros(len(rows), np.int64)
    for item, (row, begin) in enumerate(zip(rows, begin_B.tolist(), strict=True)):
        clip_N = corpus.read(row)
        first = max(begin, 0)
        part_N = clip_N[first - begin : window - begin]
        wav_BN[item, first : first + part_N.size] = part_N
        length_B[item] = part_N.size
    return wav_BN, length_B


def put_before(wav_N: Pcm, begin: int, gap: int, other_N: Pcm) -> None:
    """Fills the time before a clip, up to `gap` samples of pause, with the end of another clip, in place."""
    count = min(begin - gap, other_N.size)
    if count > 0:
        wav_N[begin - gap - count : begin - gap] = other_N[other_N.size - count :]


class NoiseCorpus:
    """Stretches of recorded noise. Digital silence around a recording is not part of it."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        # Noise that was set aside for tests stays there.
        open_R = np.isin(np.array(corpus.column("split")), ("train", ""))
        self._rows = np.flatnonzero(open_R if open_R.any() else ~open_R)
        self._spans: dict[int, tuple[int, int]] = {}

    def read(self, which: float, where: float, window: int) -> Pcm:
        """`window` samples of the recording that lies at `which` (0..1), from `where` (0..1); short ones go round."""
        row = int(self._rows[int(which * self._rows.size)])
        first, last = self._span(row)
        noise_N = self._corpus.read(row)[first:last]
        if noise_N.size <= window:
            begin = int(where * noise_N.size)
            return np.resize(np.roll(noise_N, -begin), window)
        begin = int(where * (noise_N.size - window + 1))
        return noise_N[begin : begin + window]

    def _span(self, row: int) -> tuple[int, int]:
        if row not in self._spans:
            sounding = np.flatnonzero(self._corpus.read(row))
            self._spans[row] = (int(sounding[0]), int(sounding[-1]) + 1) if sounding.size else (0, 1)
        return self._spans[row]
