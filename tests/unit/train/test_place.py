"""Alone, sharing changes nothing; what several processes do is tested with the loop."""

import torch
from torch import nn

from sonant.train.place import Place, average_buffers, gather_rows, total


def test_alone_everything_stays_as_it_is() -> None:
    rows = torch.arange(6).view(3, 2)
    assert gather_rows(rows, Place()) is rows
    assert total(rows, Place()) is rows
    norm = nn.BatchNorm1d(2)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    average_buffers(norm, Place())
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())
