"""Batches of mixtures."""

from __future__ import annotations

from typing import Any

from sonant.data.mix.batch import MixBatch, collate
from sonant.data.mix.items import Item
from sonant.data.recipes.items import Items
from sonant.data.recipes.loader import ItemLoader


class MixLoader(ItemLoader[Item, MixBatch]):
    """Batches of mixtures; those of evaluation hold the other voices too."""

    def __init__(self, items: Items[Item], speakers: tuple[str, ...], *, training: bool, **order: Any) -> None:
        """`speakers` are those that the network learns to tell apart, in the order of its outputs; `order` is what
        `ItemLoader` takes."""
        number = {speaker: number for number, speaker in enumerate(speakers)}

        def batch(items: list[Item], numbers: list[int], window: int | None) -> MixBatch:
            return collate(items, number, numbers=numbers, window=window, others=not training)

        super().__init__(items, batch, training=training, **order)
