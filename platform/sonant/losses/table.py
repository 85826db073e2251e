"""The losses by the kinds that configs name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from sonant.config.loss import LossConfig
from sonant.losses.aam_softmax import aam_softmax
from sonant.losses.bce import bce
from sonant.losses.cross_entropy import cross_entropy
from sonant.losses.focal import focal
from sonant.losses.soft_f1 import soft_f1

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""(outputs_BK, target_BK, weight_K or None) -> scalar."""

# The other keys of a loss' config are its keyword arguments.
LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": cross_entropy,
    "soft_f1": soft_f1,
    "focal": focal,
    "bce": bce,
    "aam_softmax": aam_softmax,
}


def create(cfg: LossConfig) -> Loss:
    """The loss that a config describes."""
    return partial(LOSSES[cfg.kind], **cfg.model_dump(exclude={"kind"}))
