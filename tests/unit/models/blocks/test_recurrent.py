import io
import logging
import warnings

import numpy as np
import onnxruntime
import pytest
import torch
from torch.export import Dim

from models.blocks.recurrent import Lstm


@pytest.mark.parametrize("both_ways", [False, True])
def test_is_an_lstm(both_ways: bool) -> None:
    lstm = Lstm(5, 7, both_ways=both_ways)
    x_BTD = torch.randn(2, 11, 5)
    assert lstm(x_BTD).shape == (2, 11, 14 if both_ways else 7)
    assert torch.equal(lstm(x_BTD), lstm.lstm(x_BTD)[0])


@pytest.mark.parametrize("both_ways", [False, True])
def test_graph_takes_any_batch_and_number_of_frames(both_ways: bool) -> None:
    lstm = Lstm(5, 7, both_ways=both_ways).eval()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    shapes = ({0: Dim("batch", max=64), 1: Dim("time", max=4096)},)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        program = torch.onnx.export(
            lstm, (torch.randn(3, 9, 5),), dynamo=True, opset_version=18, dynamic_shapes=shapes, verbose=False
        )
        assert program is not None
        program.save(file)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    for rows, frames in ((1, 2), (4, 50)):
        x_BTD = torch.randn(rows, frames, 5)
        (y_BTH,) = session.run(None, {session.get_inputs()[0].name: x_BTD.numpy()})
        np.testing.assert_allclose(y_BTH, lstm(x_BTD).detach().numpy(), atol=1e-6)
