"""The losses of SpEx+ (Ge et al. 2020, arXiv:2005.04686, section 2.4) and of its variant with one scale.

Letters: B batch, N samples, K speakers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sonant.losses.extraction import extraction

UNKNOWN = -100
"""Number of a speaker whom the network does not learn to tell apart."""


def spexplus(
    outputs_SBN: Sequence[Tensor],
    target_BN: Tensor,
    samples_B: Tensor | None = None,
    *,
    logits_BK: Tensor | None = None,
    speaker_B: Tensor | None = None,
    alpha: float = 0.1,
    beta: float = 0.1,
    gamma: float = 0.5,
    **absent: Any,
) -> Tensor:
    """Outputs of the short, middle and long filters weigh 1 - alpha - beta, alpha and beta; gamma times the cross
    entropy of who the reference is of comes on top, where that is known. `absent`: see `extraction`."""
    weights = (1 - alpha - beta, alpha, beta)
    assert len(outputs_SBN) == len(weights), "three scales"
    parts = [extraction(output_BN, target_BN, samples_B, **absent) for output_BN in outputs_SBN]
    signal = sum((weight * part for weight, part in zip(weights, parts, strict=True)), torch.zeros_like(parts[0]))
    return signal + gamma * speaker_loss(logits_BK, speaker_B, like=signal)


def spexplus_short(
    output_BN: Tensor,
    target_BN: Tensor,
    samples_B: Tensor | None = None,
    *,
    logits_BK: Tensor | None = None,
    speaker_B: Tensor | None = None,
    gamma: float = 0.5,
    **absent: Any,
) -> Tensor:
    """The same for a network with one scale."""
    signal = extraction(output_BN, target_BN, samples_B, **absent)
    return signal + gamma * speaker_loss(logits_BK, speaker_B, like=signal)


def speaker_loss(logits_BK: Tensor | None, speaker_B: Tensor | None, *, like: Tensor) -> Tensor:
    """Cross entropy over the items whose speaker is known; 0 where none is, or where there are no logits."""
    if logits_BK is None or speaker_B is None:
        return torch.zeros_like(like)
    # The mean over no items would be NaN; a sum over none is 0, and keeps the layer in the graph of every rank.
    known = (speaker_B != UNKNOWN).sum().clamp_min(1)
    return functional.cross_entropy(logits_BK.float(), speaker_B, ignore_index=UNKNOWN, reduction="sum") / known
