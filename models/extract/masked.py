"""Operations on frames of which only the first are real: what pads a reference never changes its voice.

Shapes: B references, C channels, T frames. `real_BT` is 1 on real frames and 0 on padding.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def real_frames(count_B: Tensor, frames: int, like: Tensor) -> Tensor:
    """Ones for the first `count` of the frames of each row and zeros behind them."""
    return (torch.arange(frames, device=like.device) < count_B[:, None]).to(like.dtype)


def mean_and_deviation(x_BTC: Tensor, real_BT: Tensor) -> Tensor:
    """Mean and standard deviation over the real frames, [B, 2 C]."""
    share_BT1 = (real_BT / real_BT.sum(1, keepdim=True))[..., None]
    mean_B1C = (x_BTC * share_BT1).sum(1, keepdim=True)
    variance_BC = ((x_BTC - mean_B1C).square() * share_BT1).sum(1)
    # The floor keeps the gradient finite where all frames are the same.
    return torch.cat([mean_B1C[:, 0], variance_BC.clamp_min(1e-6).sqrt()], -1)


class MaskedBatchNorm(nn.BatchNorm1d):
    """A batch norm [B, C, T] whose statistics are those of the real frames alone."""

    def forward(self, input: Tensor, real_BT: Tensor | None = None) -> Tensor:
        if not self.training or real_BT is None:
            return super().forward(input)
        real_B1T = real_BT[:, None]
        count = real_BT.sum()
        mean_C1 = (input * real_B1T).sum((0, 2))[:, None] / count
        variance_C1 = ((input - mean_C1).square() * real_B1T).sum((0, 2))[:, None] / count
        self._remember(mean_C1[:, 0].detach(), variance_C1[:, 0].detach() * count / (count - 1).clamp_min(1))
        normed_BCT = (input - mean_C1) * torch.rsqrt(variance_C1 + self.eps)
        return normed_BCT * self.weight[:, None] + self.bias[:, None]

    @torch.no_grad()
    def _remember(self, mean_C: Tensor, variance_C: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean_C.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(variance_C.to(self.running_var.dtype), self.momentum)
