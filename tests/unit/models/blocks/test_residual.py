import torch
from torch import nn

from models.blocks.conv import TimeConv
from models.blocks.residual import Residual
from models.streaming import Chain


def _conv(kernel: int, stride: int) -> Chain:
    return Chain(TimeConv(nn.Conv1d(3, 3, kernel, stride), causal=True))


def test_adds_what_goes_past_and_joins() -> None:
    main, shortcut, x = _conv(5, 1), _conv(1, 1), torch.randn(2, 3, 8)
    torch.testing.assert_close(Residual(main, shortcut, nn.ReLU())(x), torch.relu(main(x) + shortcut(x)))
    torch.testing.assert_close(Residual(main)(x), main(x) + x)


def test_streams_both_ways_past_each_other() -> None:
    residual, x = Residual(_conv(5, 2), _conv(3, 2), nn.ReLU()), torch.randn(2, 3, 12)
    assert {name.split(".")[0] for name in residual.init_state(2)} == {"main", "shortcut"}
    first, state = residual.step(x[..., :4], residual.init_state(2))
    second, _ = residual.step(x[..., 4:], state)
    torch.testing.assert_close(torch.cat([first, second], -1), residual(x))
