"""Pooling over time by attention: embeddings of any number of frames become one vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AttentiveStatistics(nn.Module):
    """Weighted mean and standard deviation, every channel with weights of its own: [B, D, T] -> [B, 2 D].

    Desplanques et al. 2020 (arXiv:2005.07143), section 3.1: with `context` the weights also see the clip's plain mean
    and deviation.
    """

    def __init__(self, channels: int, bottleneck: int, *, context: bool = True) -> None:
        super().__init__()
        self.context = context
        self.score = nn.Sequential(
            nn.Conv1d(3 * channels if context else channels, bottleneck, 1),
            nn.ReLU(),
            nn.BatchNorm1d(bottleneck),
            nn.Tanh(),
            nn.Conv1d(bottleneck, channels, 1),
        )

    def weights(self, x_BDT: Tensor) -> Tensor:
        """How much each frame counts in each channel, [B, D, T], summing to one over time."""
        if not self.context:
            return self.score(x_BDT).softmax(-1)
        mean_BD1 = x_BDT.mean(-1, keepdim=True)
        deviation_BD1 = _deviation((x_BDT - mean_BD1).square().mean(-1, keepdim=True))
        context = [x_BDT, mean_BD1.expand_as(x_BDT), deviation_BD1.expand_as(x_BDT)]
        return self.score(torch.cat(context, 1)).softmax(-1)

    def forward(self, x_BDT: Tensor) -> Tensor:
        weights_BDT = self.weights(x_BDT)
        mean_BD1 = (weights_BDT * x_BDT).sum(-1, keepdim=True)
        variance_BD = (weights_BDT * (x_BDT - mean_BD1).square()).sum(-1)
        return torch.cat([mean_BD1.squeeze(-1), _deviation(variance_BD)], 1)


class TemporalAttention(nn.Module):
    """Luong et al. 2015 (arXiv:1508.04025) 'general' attention of the last state to all states: [B, T, H] -> [B, H].

    score_t = (W1 h_t) . h_T;  c = sum softmax(score)_t h_t;  out = tanh(W2 [c; h_T])
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.query = nn.Linear(size, size, bias=False)
        self.mix = nn.Linear(2 * size, size, bias=False)

    def weights(self, states_BTH: Tensor) -> Tensor:
        """How much each frame counts, [B, T], summing to one."""
        return (self.query(states_BTH) * states_BTH[:, -1:]).sum(-1).softmax(-1)

    def forward(self, states_BTH: Tensor) -> Tensor:
        context_BH = (self.weights(states_BTH)[..., None] * states_BTH).sum(1)
        return torch.tanh(self.mix(torch.cat([context_BH, states_BTH[:, -1]], 1)))


def _deviation(variance: Tensor) -> Tensor:
    # The floor keeps the gradient finite where all frames are the same.
    return variance.clamp_min(1e-6).sqrt()
