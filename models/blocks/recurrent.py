"""Recurrent layers that survive export with a dynamic number of frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Lstm(nn.Module):
    """One LSTM layer: [B, T, D] -> [B, T, H], or [B, T, 2 H] when it also runs backwards (`both_ways`).

    torch.export fixes the number of frames of nn.LSTM to the example's (seen with torch 2.13), so an exported graph
    gets the ONNX operator with the same weights instead.
    """

    def __init__(self, inputs: int, hidden: int, *, both_ways: bool = False) -> None:
        super().__init__()
        self.hidden, self.ways = hidden, 2 if both_ways else 1
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True, bidirectional=both_ways)

    def forward(self, x_BTD: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            return self._onnx(x_BTD)
        return self.lstm(x_BTD)[0]

    def _onnx(self, x_BTD: Tensor) -> Tensor:
        # One row of weights a direction: input, hidden, and both biases.
        ways = [[_onnx_gates(weight) for weight in weights] for weights in self.lstm.all_weights]
        y_TWBH, _, _ = torch.onnx.ops.symbolic_multi_out(
            "LSTM",
            [
                x_BTD.transpose(0, 1),
                torch.stack([way[0] for way in ways]),
                torch.stack([way[1] for way in ways]),
                torch.stack([torch.cat(way[2:]) for way in ways]),
            ],
            attrs={"hidden_size": self.hidden, "direction": "bidirectional" if self.ways == 2 else "forward"},
            dtypes=(x_BTD.dtype,) * 3,
            shapes=(
                (x_BTD.shape[1], self.ways, x_BTD.shape[0], self.hidden),
                (self.ways, x_BTD.shape[0], self.hidden),
                (self.ways, x_BTD.shape[0], self.hidden),
            ),
            version=18,
        )
        return y_TWBH.permute(2, 0, 1, 3).flatten(2)


def _onnx_gates(weight: Tensor) -> Tensor:
    """torch stacks the gates as input, forget, cell, output; ONNX as input, output, forget, cell."""
    i, f, g, o = weight.chunk(4)
    return torch.cat([i, o, f, g])
