"""Order and shares; what is in batches is tested with mixtures and noisy speech."""

from __future__ import annotations

import pytest

from sonant.data.recipes.items import Fixed
from sonant.data.recipes.loader import ItemLoader


def loader(count: int = 20, **changes) -> ItemLoader[int, list[int]]:
    items = Fixed(range(count), lambda recipe: 100 + recipe, 16_000)
    told = {"batch_size": 4, "seed": 0, "training": True, **changes}
    return ItemLoader(items, lambda made, numbers, window: list(zip(made, numbers, strict=True)), **told)


def test_items_come_with_their_numbers_in_another_order_each_epoch() -> None:
    epochs = [[pair for batch in loader().epoch(epoch) for pair in batch] for epoch in (0, 1)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == [(100 + number, number) for number in range(20)]
    assert epochs[0] != epochs[1]
    assert [pair for batch in loader().epoch(1, skip=3) for pair in batch] == epochs[1][12:]


def test_fewer_items_than_a_batch_are_gone_through_again() -> None:
    (batch,) = loader(3).epoch(0)
    assert (len(batch), {number for _, number in batch}) == (4, {0, 1, 2})


@pytest.mark.parametrize("world", [1, 2, 7])
def test_ranks_share_evaluation(world: int) -> None:
    parts = [loader(10, training=False, rank=rank, world=world) for rank in range(world)]
    batches = [batch for part in parts for batch in part.epoch(3)]
    assert sorted(number for batch in batches for _, number in batch) == list(range(10))
    assert sum(part.steps for part in parts) == len(batches)


def test_what_items_raise_is_raised_here() -> None:
    broken = ItemLoader(
        Fixed([0], lambda recipe: 1 // recipe, 8000), lambda *told: told, batch_size=1, seed=0, training=True
    )
    with pytest.raises(ZeroDivisionError):
        list(broken.epoch(0))
