"""From a stream of samples to frames that overlap, and back: what turns strided convolutions into matrix products.

Shapes: B streams, N samples, T frames, W window, H hop.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.streaming import State


class Overlapping(nn.Module):
    """Cuts n * hop samples into n frames [B, n, W] that overlap with each other and with the past.

    A product of frames with kernels is the same as a strided convolution, and faster in every runtime tried.
    """

    def __init__(self, window: int, hop: int) -> None:
        super().__init__()
        assert window % hop == 0, "a window is a whole number of hops"
        assert window > hop, "frames overlap"
        self.parts, self.hop = window // hop, hop

    def init_state(self, rows: int, like: Tensor) -> State:
        return {"heard": like.new_zeros(rows, self.parts - 1, self.hop)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        new_BTH = x.unflatten(-1, (-1, self.hop))
        frames = new_BTH.shape[1]
        all_BTH = torch.cat([state["heard"], new_BTH], 1)
        parts = [all_BTH[:, part : part + frames] for part in range(self.parts)]
        return torch.cat(parts, -1), {"heard": all_BTH[:, frames:]}


class OverlapAdd(nn.Module):
    """Sums frames [B, T, W] that overlap into T * hop samples; the rest of the last frames waits for the next step."""

    def __init__(self, window: int, hop: int) -> None:
        super().__init__()
        assert window % hop == 0, "a window is a whole number of hops"
        assert window > hop, "frames overlap"
        self.parts, self.hop = window // hop, hop

    def init_state(self, rows: int, like: Tensor) -> State:
        return {"tail": like.new_zeros(rows, self.parts - 1, self.hop)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        part_BTPH = x.unflatten(-1, (self.parts, self.hop))
        frames = x.shape[1]
        # Part p of frame t falls on hop t + p.
        wav_BTH = F.pad(state["tail"], (0, 0, 0, frames))
        for part in range(self.parts):
            wav_BTH = wav_BTH + F.pad(part_BTPH[:, :, part], (0, 0, part, self.parts - 1 - part))
        return wav_BTH[:, :frames].flatten(1), {"tail": wav_BTH[:, frames:]}
