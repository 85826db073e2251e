"""Additive angular margin softmax, ArcFace (Deng et al. 2019, arXiv:1801.07698). Letters: B batch, K labels."""

from __future__ import annotations

import torch
from torch import Tensor

from sonant.losses.cross_entropy import cross_entropy


def aam_softmax(
    cosine_BK: Tensor, target_BK: Tensor, weight_K: Tensor | None = None, *, margin: float = 0.2, scale: float = 30.0
) -> Tensor:
    """Cross entropy of scale * cos(theta + margin * target) against the targets (equation 3).

    A plain target gets the whole margin and all other labels none. A mixed one gives each label its share of it, as in
    margin-mixup (Thienpondt et al. 2023, arXiv:2304.03515): a clip is asked to be as far inside a label as it is made
    of it. Scores outside of training are softmax(scale * cosine), without margin.
    """
    return cross_entropy(scale * with_margin(cosine_BK.float(), margin * target_BK), target_BK, weight_K)


def with_margin(cosine_BK: Tensor, margin_BK: Tensor) -> Tensor:
    """cos(theta + margin) as long as theta + margin <= pi; beyond, cos(theta) - margin sin(margin), which goes on
    falling where the cosine would rise again."""
    # Rounding may leave [-1, 1], and the slope of the root is infinite at its ends.
    sine_BK = (1.0 - cosine_BK.square()).clamp_min(1e-6).sqrt()
    turned_BK = cosine_BK * margin_BK.cos() - sine_BK * margin_BK.sin()
    beyond_BK = cosine_BK - margin_BK * margin_BK.sin()
    harder_BK = torch.where(cosine_BK > -margin_BK.cos(), turned_BK, beyond_BK)
    return torch.where(margin_BK > 0, harder_BK, cosine_BK)
