import io
import logging
import warnings
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from models.blocks.recurrent import Gru, LiveGru, LiveLstm, Lstm


@pytest.mark.parametrize("both_ways", [False, True])
def test_is_an_lstm(both_ways: bool) -> None:
    lstm = Lstm(5, 7, both_ways=both_ways)
    x_BTD = torch.randn(2, 11, 5)
    assert lstm(x_BTD).shape == (2, 11, 14 if both_ways else 7)
    assert torch.equal(lstm(x_BTD), lstm.lstm(x_BTD)[0])


@pytest.mark.parametrize("both_ways", [False, True])
def test_is_a_gru(both_ways: bool) -> None:
    gru = Gru(5, 7, both_ways=both_ways)
    x_BTD = torch.randn(2, 11, 5)
    assert gru(x_BTD).shape == (2, 11, 14 if both_ways else 7)
    assert torch.equal(gru(x_BTD), gru.gru(x_BTD)[0])


@pytest.mark.parametrize("layer", [LiveLstm, LiveGru])
def test_stream_equals_whole(layer: type[LiveLstm | LiveGru]) -> None:
    live, x_BTD = layer(5, 7), torch.randn(2, 11, 5)
    state, parts = live.init_state(2), []
    for part_BTD in x_BTD.split([1, 4, 6], 1):
        y_BTH, state = live.step(part_BTD, state)
        parts.append(y_BTH)
    torch.testing.assert_close(torch.cat(parts, 1), live(x_BTD), rtol=0, atol=1e-6)
    assert all(value.shape == (2, 7) for value in state.values())


class Step(nn.Module):
    def __init__(self, live: LiveLstm | LiveGru) -> None:
        super().__init__()
        self.live = live

    def forward(self, x_BTD: Tensor, state: list[Tensor]) -> list[Tensor]:
        y_BTH, after = self.live.step(x_BTD, dict(zip(self.live.init_state(1), state, strict=True)))
        return [y_BTH, *after.values()]


@pytest.mark.parametrize("layer", [LiveLstm, LiveGru])
def test_graph_of_a_step_takes_the_state_and_gives_it(layer: type[LiveLstm | LiveGru]) -> None:
    live = layer(5, 7).eval()
    rows = Dim("rows", max=64)
    shapes = ({0: rows, 1: Dim("time", max=4096)}, [{0: rows} for _ in live.init_state(1)])
    session = opened(Step(live).eval(), (torch.randn(3, 9, 5), list(live.init_state(3).values())), shapes)
    state = {name: torch.randn(2, 7) for name in live.init_state(1)}
    x_BTD = torch.randn(2, 4, 5)
    fed = zip(session.get_inputs(), [x_BTD, *state.values()], strict=True)
    given = session.run(None, {part.name: value.detach().numpy() for part, value in fed})
    y_BTH, after = live.step(x_BTD, state)
    for got, wanted in zip(given, [y_BTH, *after.values()], strict=True):
        np.testing.assert_allclose(got, wanted.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("layer", [Lstm, Gru])
def test_graph_takes_any_batch_and_number_of_frames(layer: type[Lstm | Gru], both_ways: bool) -> None:
    module = layer(5, 7, both_ways=both_ways).eval()
    shapes = ({0: Dim("batch", max=64), 1: Dim("time", max=4096)},)
    session = opened(module, (torch.randn(3, 9, 5),), shapes)
    for rows, frames in ((1, 2), (4, 50)):
        x_BTD = torch.randn(rows, frames, 5)
        (y_BTH,) = session.run(None, {session.get_inputs()[0].name: x_BTD.numpy()})
        np.testing.assert_allclose(y_BTH, module(x_BTD).detach().numpy(), atol=1e-6)


def opened(module: nn.Module, example: tuple[Any, ...], shapes: tuple[Any, ...]) -> onnxruntime.InferenceSession:
    """An exported module, ready to run."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        program = torch.onnx.export(
            module, example, dynamo=True, opset_version=18, dynamic_shapes=shapes, verbose=False
        )
        assert program is not None
        program.save(file)
    return onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
