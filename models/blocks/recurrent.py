"""Recurrent layers that survive export with a dynamic number of frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.streaming import State


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
            return self._operator(x_BTD, None)[0]
        return self.lstm(x_BTD)[0]

    def _operator(self, x_BTD: Tensor, start: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor, Tensor]:
        """Outputs [B, T, W H], and hidden and cell states [W, B, H] after them, of W ways."""
        # One row of weights a direction: input, hidden, and both biases.
        ways = [[_output_second(weight) for weight in weights] for weights in self.lstm.all_weights]
        rows, frames = x_BTD.shape[0], x_BTD.shape[1]
        y_TWBH, hidden_WBH, cell_WBH = torch.onnx.ops.symbolic_multi_out(
            "LSTM",
            [
                x_BTD.transpose(0, 1),
                torch.stack([way[0] for way in ways]),
                torch.stack([way[1] for way in ways]),
                torch.stack([torch.cat(way[2:]) for way in ways]),
                *(() if start is None else (None, *start)),
            ],
            attrs={"hidden_size": self.hidden, "direction": "bidirectional" if self.ways == 2 else "forward"},
            dtypes=(x_BTD.dtype,) * 3,
            shapes=(
                (frames, self.ways, rows, self.hidden),
                (self.ways, rows, self.hidden),
                (self.ways, rows, self.hidden),
            ),
            version=18,
        )
        return y_TWBH.permute(2, 0, 1, 3).flatten(2), hidden_WBH, cell_WBH


class LiveLstm(Lstm):
    """One LSTM layer, forwards, that streams."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__(inputs, hidden)

    def init_state(self, rows: int) -> State:
        """Nothing heard."""
        start_BH = self.lstm.all_weights[0][0].new_zeros(rows, self.hidden)
        return {"hidden": start_BH, "cell": start_BH.clone()}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The next T frames [B, T, D] give [B, T, H]."""
        start = (state["hidden"][None], state["cell"][None])
        if torch.compiler.is_exporting():
            y_BTH, hidden_1BH, cell_1BH = self._operator(x, start)
        else:
            y_BTH, (hidden_1BH, cell_1BH) = self.lstm(x, start)
        return y_BTH, {"hidden": hidden_1BH[0], "cell": cell_1BH[0]}


class Gru(nn.Module):
    """One GRU layer: [B, T, D] -> [B, T, H], or [B, T, 2 H] when it also runs backwards (`both_ways`). See Lstm."""

    def __init__(self, inputs: int, hidden: int, *, both_ways: bool = False) -> None:
        super().__init__()
        self.hidden, self.ways = hidden, 2 if both_ways else 1
        self.gru = nn.GRU(inputs, hidden, batch_first=True, bidirectional=both_ways)

    def forward(self, x_BTD: Tensor) -> Tensor:
        return run_gru(self.gru, x_BTD, None)[0]


class LiveGru(Gru):
    """One GRU layer, forwards, that streams."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__(inputs, hidden)

    def init_state(self, rows: int) -> State:
        """Nothing heard."""
        return {"hidden": self.gru.all_weights[0][0].new_zeros(rows, self.hidden)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The next T frames [B, T, D] give [B, T, H]."""
        y_BTH, hidden_1BH = run_gru(self.gru, x, state["hidden"][None])
        return y_BTH, {"hidden": hidden_1BH[0]}


def run_gru(gru: nn.GRU, x_BTD: Tensor, start_WBH: Tensor | None) -> tuple[Tensor, Tensor]:
    """What a GRU of one layer gives, [B, T, W H], and its state after it, [W, B, H], of W ways; None: from silence.

    An exported graph gets the ONNX operator, see Lstm.
    """
    if torch.compiler.is_exporting():
        return _gru_operator(gru, x_BTD, start_WBH)
    return gru(x_BTD, start_WBH)


def _gru_operator(gru: nn.GRU, x_BTD: Tensor, start_WBH: Tensor | None) -> tuple[Tensor, Tensor]:
    ways = [[_update_first(weight) for weight in weights] for weights in gru.all_weights]
    rows, frames, hidden = x_BTD.shape[0], x_BTD.shape[1], gru.hidden_size
    y_TWBH, last_WBH = torch.onnx.ops.symbolic_multi_out(
        "GRU",
        [
            x_BTD.transpose(0, 1),
            torch.stack([way[0] for way in ways]),
            torch.stack([way[1] for way in ways]),
            torch.stack([torch.cat(way[2:]) for way in ways]),
            None,
            start_WBH,
        ],
        attrs={
            "hidden_size": hidden,
            "linear_before_reset": 1,
            "direction": "bidirectional" if len(ways) == 2 else "forward",
        },
        dtypes=(x_BTD.dtype,) * 2,
        shapes=((frames, len(ways), rows, hidden), (len(ways), rows, hidden)),
        version=18,
    )
    return y_TWBH.permute(2, 0, 1, 3).flatten(2), last_WBH


def _output_second(weight: Tensor) -> Tensor:
    """torch stacks the gates of an LSTM as input, forget, cell, output; ONNX as input, output, forget, cell."""
    i, f, g, o = weight.chunk(4)
    return torch.cat([i, o, f, g])


def _update_first(weight: Tensor) -> Tensor:
    """torch stacks the gates of a GRU as reset, update, candidate; ONNX as update, reset, candidate."""
    reset, update, candidate = weight.chunk(3)
    return torch.cat([update, reset, candidate])
