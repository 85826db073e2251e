"""Batches of items: which, in which order, on which rank; a pure function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sonant.data.prefetch import prefetch
from sonant.data.recipes.items import Items
from sonant.data.rng import Purpose, rng

T = TypeVar("T")
B = TypeVar("B")

Collate = Callable[[list[T], list[int], int | None], B]
"""(items, their numbers, samples of every batch where they are known) -> batch."""


class ItemLoader(Generic[T, B]):
    """Batches of items, made ahead by one thread.

    Training: shuffled, every rank has the same number of full batches, all of one length where `items.window` is known.
    Evaluation: in order, the same in every epoch, each item exactly once over all ranks; the last batch may be smaller,
    a rank may have none.
    """

    def __init__(
        self,
        items: Items[T],
        collate: Collate[T, B],
        *,
        batch_size: int,
        seed: int,
        training: bool,
        rank: int = 0,
        world: int = 1,
        ahead: int = 2,
    ) -> None:
        assert 0 <= rank < world
        self.items, self._collate = items, collate
        self._batch_size, self._seed, self._training = batch_size, seed, training
        self._rank, self._world, self._ahead = rank, world, ahead

    @property
    def steps(self) -> int:
        """Batches of an epoch on this rank."""
        if self._training:
            return max(1, len(self.items) // (self._batch_size * self._world))
        return -(-len(range(self._rank, len(self.items), self._world)) // self._batch_size)

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[B]:
        """The batches of an epoch, without the first `skip`: a run that was stopped goes on exactly there."""
        return prefetch(self._batches(epoch, skip), self._ahead)

    def one(self, number: int) -> tuple[T, B]:
        """An item of the first epoch, and a batch of it alone."""
        item = self.items.item(0, number)
        return item, self._collate([item], [number], None)

    def _batches(self, epoch: int, skip: int) -> Iterator[B]:
        order, size = self._order(epoch), self._batch_size
        for step in range(skip, self.steps):
            numbers = order[step * size : (step + 1) * size].tolist()
            items = [self.items.item(epoch if self._training else 0, number) for number in numbers]
            yield self._collate(items, numbers, self.items.window if self._training else None)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        count = len(self.items)
        if not self._training:
            return np.arange(self._rank, count, self._world)
        order = rng(Purpose.ORDER, self._seed, epoch).permutation(count)
        # (step, rank, item): a step of all ranks together takes a stretch of the order, whatever their number.
        return np.resize(order, (self.steps, self._world, self._batch_size))[:, self._rank].ravel()
