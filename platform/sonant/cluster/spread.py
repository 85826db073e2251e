"""[ray] The same work on many items over a cluster: Ray Data deals them out to actors that are each set up once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import ray
import ray.data
from numpy.typing import NDArray

from sonant.cluster.session import connect
from sonant.config.ray import RayConfig

log = logging.getLogger(__name__)

_BATCH = 16
_Batch = dict[str, NDArray[Any]]
Worker = Callable[[str], str]


class Actor:
    """One process of the cluster with a worker in it."""

    def __init__(self, make: Callable[..., Worker], arguments: tuple[object, ...]) -> None:
        self._work = make(*arguments)

    def __call__(self, batch: _Batch) -> _Batch:
        return {"answer": np.array([self._work(item) for item in batch["item"]], dtype=object)}


def spread(
    make: Callable[..., Worker], arguments: tuple[object, ...], items: Sequence[str], *, settings: RayConfig
) -> Iterator[str]:
    """The answers to all items, in their order: `make(*arguments)` is called once on each of the cluster's CPUs, and
    what it returns once for each item."""
    if not items:
        return
    blocks = -(-len(items) // _BATCH)
    with connect(settings):
        _configure()
        actors = max(1, min(int(ray.cluster_resources().get("CPU", 1)), blocks))
        rows = ray.data.from_items([{"item": item} for item in items], override_num_blocks=blocks)
        answered = rows.map_batches(
            Actor,
            fn_constructor_args=(make, arguments),
            batch_size=_BATCH,
            compute=ray.data.ActorPoolStrategy(size=actors),
            num_cpus=1,
        )
        for row in answered.iter_rows():
            yield row["answer"]


def _configure() -> None:
    """Answers in the order of the items, and no progress on a terminal that shows answers."""
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    if not log.isEnabledFor(logging.INFO):
        for handler in logging.getLogger("ray.data").handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setLevel(logging.ERROR)
