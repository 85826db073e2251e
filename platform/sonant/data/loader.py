"""Batches of a corpus: which clips, in which order, on which rank; a pure function of (seed, epoch).

There are no worker processes: a batch is a few copies out of a memory map, made ahead by one thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonant.config.data import Augment, DataConfig
from sonant.data.augment import Draws, Placement, draw, draw_mix
from sonant.data.batch import Batch
from sonant.data.corpus import Corpus
from sonant.data.pieces import lay_out
from sonant.data.prefetch import prefetch
from sonant.data.rng import Purpose, rng
from sonant.data.source import Spans
from sonant.data.targets import FrameGrid, spans_of
from sonant.data.window import NoiseCorpus, centred, fill, placed, put_before
from sonant.errors import DataError
from sonant.runtime.answer import clips

Ints = NDArray[np.int64]


_Laid = dict[int, Spans]
_TOLD = 50
"""Most labels that a message names."""


class _Order(NamedTuple):
    """Rows of an epoch in the order in which a rank takes them, and the pass over the corpus that each belongs to."""

    rows: Ints
    passes: Ints


class Loader:
    """Batches of the `rows` of a corpus whose label is one of `labels`.

    Training: shuffled, `cfg.repeat` passes an epoch, varied by `cfg.augment`; every rank has the same number of full
    batches (a set smaller than one batch is gone through again to fill it). Evaluation: in order, nothing varied, each
    row exactly once over all ranks; the last batch may be smaller, and a rank may have none.

    With a `grid`, clips are recordings whose spans have labels, all rows count, and batches say what is heard at each
    frame. Training takes windows anywhere in them; evaluation takes each recording whole, in a batch of its own.

    With an `identity`, the labels are values of that column. Evaluation takes all rows that have any value there,
    numbers the values anew, and a batch holds the windows of one whole recording (`runtime.answer.clips`).
    """

    def __init__(
        self,
        corpus: Corpus,
        rows: Ints,
        labels: tuple[str, ...],
        cfg: DataConfig,
        *,
        seed: int,
        training: bool,
        rank: int = 0,
        world: int = 1,
        grid: FrameGrid | None = None,
        identity: str | None = None,
    ) -> None:
        assert 0 <= rank < world
        self._grid, self._spans_R = grid, [] if grid is None else spans_of(corpus)
        if identity is not None and not training:
            self.rows, self._label_R = identified(corpus, rows, identity)
        elif grid is None:
            column = identity or "label"
            self.rows, self._label_R = _labelled(corpus, rows, labels, complete=training, column=column)
        else:
            self.rows, self._label_R = rows.astype(np.int64), np.zeros(len(corpus), np.int64)
        self.label_counts = tuple(int(count) for count in np.bincount(self._label_R[self.rows], minlength=len(labels)))
        """Clips of each label among `rows`."""
        self._corpus, self._cfg, self._seed, self._training = corpus, cfg, seed, training
        self._rank, self._world = rank, world
        self._augment: Augment | None = cfg.augment if training else None
        self._window = round(cfg.clip_s * corpus.sample_rate_hz)
        self._noise = _open_noise(self._augment, corpus)
        self._whole = not training and (grid is not None or identity is not None)
        self._batch_size = 1 if self._whole else cfg.batch_size

    @property
    def steps(self) -> int:
        """Batches of an epoch on this rank."""
        size, count = self._batch_size, self.rows.size
        if self._training:
            return max(1, count * self._cfg.repeat // (size * self._world))
        mine = len(range(self._rank, count, self._world))
        return -(-mine // size)

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, without the first `skip`: a run that was stopped goes on exactly there."""
        return prefetch(self._batches(epoch, skip), self._cfg.prefetch)

    def _batches(self, epoch: int, skip: int) -> Iterator[Batch]:
        order = self._order(epoch)
        size = self._batch_size
        for step in range(skip, self.steps):
            part = slice(step * size, (step + 1) * size)
            yield self._batch(epoch, step, order.rows[part], order.passes[part])

    def _order(self, epoch: int) -> _Order:
        if not self._training:
            mine = self.rows[self._rank :: self._world]
            return _Order(mine, np.zeros_like(mine))
        repeat, size = self._cfg.repeat, self._cfg.batch_size
        passes = range(epoch * repeat, (epoch + 1) * repeat)
        rows = np.concatenate([rng(Purpose.ORDER, self._seed, number).permutation(self.rows) for number in passes])
        # (step, rank, item): a step of all ranks together takes a stretch of the order, whatever their number.
        shape = (self.steps, self._world, size)
        shares = (
            np.resize(column, shape)[:, self._rank].ravel() for column in (rows, np.repeat(passes, self.rows.size))
        )
        return _Order(*shares)

    def _batch(self, epoch: int, step: int, rows_B: Ints, passes_B: Ints) -> Batch:
        if self._whole:
            return self._recording(int(rows_B[0]))
        samples_B = self._corpus.samples_R[rows_B]
        rows = [int(row) for row in rows_B]
        draws, pairs, laid = None, None, _Laid()
        if self._augment is None:
            begin_B = centred(samples_B, self._window)
            wav_BN, length_B = fill(self._corpus, rows, begin_B, self._window)
        else:
            rate_hz = self._corpus.sample_rate_hz
            place, draws = draw(self._augment, self._seed, passes_B.tolist(), rows, sample_rate_hz=rate_hz)
            begin_B = placed(samples_B, self._window, place, rate_hz)
            wav_BN, length_B = fill(self._corpus, rows, begin_B, self._window)
            self._add_context(wav_BN, rows, begin_B, place)
            draws = self._with_noise(draws, place)
            laid = self._lay_out(wav_BN, rows, passes_B)
            pairs = draw_mix(self._augment, self._seed, epoch, step, self._rank, len(rows))
        label_B, row_B = torch.from_numpy(self._label_R[rows_B]), torch.from_numpy(rows_B.copy())
        target_BTK = None if self._grid is None else self._targets(self._grid, rows, begin_B, laid)
        return Batch(torch.from_numpy(wav_BN), torch.from_numpy(length_B), label_B, row_B, draws, pairs, target_BTK)

    def _lay_out(self, wav_BN: NDArray[np.int16], rows: list[int], passes_B: Ints) -> _Laid:
        """Puts pieces of other recordings into some windows; the spans of those, by their place in the batch."""
        cfg, laid = self._cfg.pieces, _Laid()
        if cfg is None or self._grid is None:
            return laid

        def recording(which: float) -> tuple[NDArray[np.int16], Spans]:
            row = int(self.rows[int(which * self.rows.size)])
            return self._corpus.read(row), self._spans_R[row]

        noise = None if self._noise is None else partial(self._noise.read, window=self._window)
        for item, (row, number) in enumerate(zip(rows, passes_B.tolist(), strict=True)):
            generator = rng(Purpose.PIECES, self._seed, number, row)
            if generator.random() < cfg.share:
                wav_BN[item], laid[item] = lay_out(
                    cfg, generator, recording, noise, self._window, self._corpus.sample_rate_hz
                )
        return laid

    def _targets(self, grid: FrameGrid, rows: list[int], begin_B: Ints, laid: _Laid) -> Tensor:
        heard = (
            (laid.get(item, self._spans_R[row]), 0 if item in laid else int(begin_B[item]))
            for item, row in enumerate(rows)
        )
        return torch.from_numpy(np.stack([grid.heard(spans, begin, self._window) for spans, begin in heard]))

    def _recording(self, row: int) -> Batch:
        """A batch of one recording from its start to its end: in one piece for a grid, in windows otherwise."""
        wav_N, row_B = self._corpus.read(row), torch.tensor([row])
        length_B, label_B = torch.tensor([wav_N.size]), torch.from_numpy(self._label_R[[row]])
        if self._grid is None:
            return Batch(torch.from_numpy(clips(wav_N, self._window)), length_B, label_B, row_B)
        target = torch.from_numpy(self._grid.whole(self._spans_R[row], wav_N.size)[None])
        return Batch(torch.from_numpy(wav_N[None].copy()), length_B, label_B, row_B, target_BTK=target)

    def _add_context(self, wav_BN: NDArray[np.int16], rows: list[int], begin_B: Ints, place: Placement) -> None:
        gap_B = np.rint(place.gap_s * self._corpus.sample_rate_hz).astype(np.int64)
        for item in np.flatnonzero(place.context).tolist():
            other = int(place.partner[item] * self.rows.size)
            if self.rows[other] == rows[item]:
                other = (other + 1) % self.rows.size
            before_N = self._corpus.read(int(self.rows[other]))
            put_before(wav_BN[item], int(begin_B[item]), int(gap_B[item]), before_N)

    def _with_noise(self, draws: Draws, place: Placement) -> Draws:
        if self._noise is None:
            return draws
        where = zip(place.noise_row.tolist(), place.noise_start.tolist(), strict=True)
        noise_BN = np.stack([self._noise.read(row, start, self._window) for row, start in where])
        return draws.with_noise(torch.from_numpy(noise_BN))


def identified(corpus: Corpus, rows: Ints, column: str) -> tuple[Ints, Ints]:
    """The rows that have a value in a column, and a number for the value of every row (-1: none). Pairs of recordings
    are judged: DataError where the rows have none of the same value, or none of different ones."""
    value_R = corpus.column(column)
    known = {value: number for number, value in enumerate(sorted(set(value_R) - {""}))}
    label_R = np.array([known.get(value, -1) for value in value_R], np.int64)
    kept = rows[label_R[rows] >= 0].astype(np.int64)
    count = np.unique(label_R[kept], return_counts=True)[1]
    if len(count) < 2 or count.max() < 2:
        told = f"{len(kept)} recordings of {len(count)} {column}s in a split of {corpus.path}"
        hint = "give each split at least two of them, one with two recordings (data.split)"
        raise DataError("data.empty", f"{told}: no pairs to compare", hint=hint)
    return kept, label_R


def _labelled(
    corpus: Corpus, rows: Ints, labels: tuple[str, ...], *, complete: bool, column: str = "label"
) -> tuple[Ints, Ints]:
    """The rows that have one of the labels, and the label number of every row of the corpus (-1: none of them).

    A network can be judged on a corpus that lacks some of its labels, but not learn them from it (`complete`).
    """
    label_R = corpus.column(column)
    missing = sorted(set(labels) - set(label_R))
    if missing and complete:
        hint = f"it has {', '.join(sorted(set(label_R) - {''})[:_TOLD])}"
        raise DataError("data.invalid", f"{corpus.path} has no {column} {', '.join(missing[:_TOLD])}", hint=hint)
    number = {label: index for index, label in enumerate(labels)}
    number_R = np.array([number.get(label, -1) for label in label_R], np.int64)
    kept = rows[number_R[rows] >= 0].astype(np.int64)
    if kept.size == 0:
        raise DataError(
            "data.empty", f"{corpus.path}: no clips of {', '.join(labels[:_TOLD])} among the {rows.size} of this split"
        )
    return kept, number_R


def _open_noise(augment: Augment | None, corpus: Corpus) -> NoiseCorpus | None:
    if augment is None or augment.noise_corpus is None:
        return None
    noise = Corpus.open(augment.noise_corpus)
    if noise.sample_rate_hz != corpus.sample_rate_hz:
        rates = f"{noise.sample_rate_hz} Hz, the corpus {corpus.sample_rate_hz} Hz"
        raise DataError("data.invalid", f"{augment.noise_corpus} has {rates}", hint="prepare it at the same rate")
    return NoiseCorpus(noise)
