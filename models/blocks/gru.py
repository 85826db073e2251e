"""A GRU layer that goes on from a memory and survives export with a dynamic number of frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def gru_step(gru: nn.GRU, x_TBD: Tensor, memory_BH: Tensor) -> tuple[Tensor, Tensor]:
    """One layer of one direction, time first, as the ONNX operator has it: outputs [T, B, H] and the memory after.

    torch.export would fix the number of frames of nn.GRU to the example's: see models.blocks.recurrent.Lstm.
    """
    if not torch.compiler.is_exporting():
        y_TBH, memory_1BH = gru(x_TBD, memory_BH[None])
        return y_TBH, memory_1BH[0]
    inputs, hidden, input_bias, hidden_bias = (_onnx_gates(weight) for weight in gru.all_weights[0])
    frames, rows, size = x_TBD.shape[0], x_TBD.shape[1], gru.hidden_size
    y_T1BH, memory_1BH = torch.onnx.ops.symbolic_multi_out(
        "GRU",
        [x_TBD, inputs[None], hidden[None], torch.cat([input_bias, hidden_bias])[None], None, memory_BH[None]],
        attrs={"hidden_size": size, "linear_before_reset": 1},
        dtypes=(x_TBD.dtype,) * 2,
        shapes=((frames, 1, rows, size), (1, rows, size)),
        version=18,
    )
    return y_T1BH[:, 0], memory_1BH[0]


def _onnx_gates(weight: Tensor) -> Tensor:
    """torch stacks the gates as reset, update, candidate; ONNX as update, reset, candidate."""
    reset, update, candidate = weight.chunk(3)
    return torch.cat([update, reset, candidate])
