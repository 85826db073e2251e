"""Batches of noisy speech."""

from __future__ import annotations

from typing import Any

from sonant.data.noisy.batch import NoisyBatch, collate
from sonant.data.noisy.items import Item
from sonant.data.recipes.items import Items
from sonant.data.recipes.loader import ItemLoader


class NoisyLoader(ItemLoader[Item, NoisyBatch]):
    """Batches of noisy speech; `order` is what `ItemLoader` takes."""

    def __init__(self, items: Items[Item], **order: Any) -> None:
        super().__init__(items, collate, **order)
