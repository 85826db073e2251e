"""Strided convolutions down and up along time of [B, T, C], as matrix products of overlapping frames.

A step takes whole strides. Down: output j has heard inputs up to (j + 1) * stride - 1. Up: output j * stride + r comes
with input j, which is the last one that it depends on.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.blocks.causal import FromStep
from models.blocks.overlap import OverlapAdd, Overlapping
from models.streaming import State, child, nest


class Down(FromStep):
    """[B, T, I] -> [B, T / stride, O]."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.frames = Overlapping(kernel * inputs, stride * inputs)
        self.linear = nn.Linear(kernel * inputs, outputs)

    def init_state(self, rows: int) -> State:
        return nest("frames", self.frames.init_state(rows, self.linear.weight))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        frame_BTW, after = self.frames.step(x.flatten(1), child("frames", state))
        return self.linear(frame_BTW), nest("frames", after)


class Up(FromStep):
    """[B, T, I] -> [B, T * stride, O]. Starts from the weights of a transposed convolution."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.linear = nn.Linear(inputs, kernel * outputs, bias=False)
        self.overlap = OverlapAdd(kernel * outputs, stride * outputs)
        bound = (kernel * outputs) ** -0.5
        nn.init.uniform_(self.linear.weight, -bound, bound)
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))

    def init_state(self, rows: int) -> State:
        return nest("overlap", self.overlap.init_state(rows, self.bias))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        flat_BN, after = self.overlap.step(self.linear(x), child("overlap", state))
        return flat_BN.unflatten(-1, (-1, self.outputs)) + self.bias, nest("overlap", after)
