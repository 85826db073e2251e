"""What tasks have in common whose answer is sound: measures of items, and waves to listen to."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@runtime_checkable
class SoundTask(Protocol):
    """Extract and Enhance. Letters: N items or samples, K measures."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the label of an item says, by its number."""
        ...

    @property
    def summary(self) -> str:
        """Name of the file that a review sums up in."""
        ...

    @property
    def measures(self) -> tuple[str, ...]:
        """Columns of a score."""
        ...

    def metrics(
        self,
        logits_NK: NDArray[np.floating],
        label_N: NDArray[np.integer],
        row_N: NDArray[np.integer] | None = None,
    ) -> dict[str, float]: ...

    def gains(self, measure_NK: NDArray[np.floating], label_N: NDArray[np.integer]) -> NDArray[np.float64]:
        """Improvement in SI-SDR (dB) of each item that can have one; NaN of the others."""
        ...

    def waves(self, network: Any, batch: Any) -> dict[str, Tensor]:
        """By what it is, every wave [N] of a batch of one item; `output` is what the network gives."""
        ...
