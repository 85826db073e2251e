"""Max-pooling along time under the same law as TimeConv: T' = ceil(T / stride) for clips, T // stride when causal."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class TimePool(nn.Module):
    """Largest of `kernel` frames, every `stride` frames: [B, C, T] of values that are not negative -> [B, C, T'].

    A clip is padded with zeros, which never win against what a ReLU gives, so no frame is lost at its end and the
    shortest clip still gives a frame. The causal form takes whole strides and needs no memory.
    """

    def __init__(self, kernel: int, stride: int | None = None, *, causal: bool) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride or kernel
        assert self.kernel >= self.stride, "frames between two windows would be lost"
        assert not causal or self.kernel == self.stride, "windows that overlap would have to remember frames"
        before = (self.kernel - self.stride) // 2
        self.pad = (0, 0) if causal else (before, self.kernel - 1 - before)

    def forward(self, x_BCT: Tensor) -> Tensor:
        # In two dimensions: torch.export freezes the length of what goes into max_pool1d.
        x_BC1T = F.pad(x_BCT, self.pad)[:, :, None]
        return F.max_pool2d(x_BC1T, (1, self.kernel), (1, self.stride))[:, :, 0]
