"""Recurrent layers that survive export with a dynamic number of frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Lstm(nn.Module):
    """One forward LSTM layer: [B, T, D] -> [B, T, H].

    torch.export fixes the number of frames of nn.LSTM to the example's (seen with torch 2.13), so an exported graph
    gets the ONNX operator with the same weights instead.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True)

    def forward(self, x_BTD: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            return self._onnx(x_BTD)
        return self.lstm(x_BTD)[0]

    def _onnx(self, x_BTD: Tensor) -> Tensor:
        w_input, w_hidden, b_input, b_hidden = (_onnx_gates(weight) for weight in self.lstm.all_weights[0])
        y_T1BH, _, _ = torch.onnx.ops.symbolic_multi_out(
            "LSTM",
            [x_BTD.transpose(0, 1), w_input[None], w_hidden[None], torch.cat([b_input, b_hidden])[None]],
            attrs={"hidden_size": self.hidden},
            dtypes=(x_BTD.dtype,) * 3,
            shapes=(
                (x_BTD.shape[1], 1, x_BTD.shape[0], self.hidden),
                (1, x_BTD.shape[0], self.hidden),
                (1, x_BTD.shape[0], self.hidden),
            ),
            version=18,
        )
        return y_T1BH.squeeze(1).transpose(0, 1)


def _onnx_gates(weight: Tensor) -> Tensor:
    """torch stacks the gates as input, forget, cell, output; ONNX as input, output, forget, cell."""
    i, f, g, o = weight.chunk(4)
    return torch.cat([i, o, f, g])
