"""Products of frames against the convolutions of torch."""

import pytest
import torch
from torch.nn import functional as F

from models.blocks.strided import Down, Up

SHAPES = pytest.mark.parametrize(("kernel", "stride"), [(8, 4), (8, 2), (3, 1), (4, 2)])


@SHAPES
def test_down_is_a_strided_convolution(kernel: int, stride: int) -> None:
    down, x_BTC = Down(3, 5, kernel, stride), torch.randn(2, 6 * stride, 3)
    weight_OIK = down.linear.weight.unflatten(1, (kernel, 3)).transpose(1, 2)
    padded_BCT = F.pad(x_BTC.transpose(1, 2), (kernel - stride, 0))
    wanted_BOT = F.conv1d(padded_BCT, weight_OIK, down.linear.bias, stride)
    torch.testing.assert_close(down(x_BTC), wanted_BOT.transpose(1, 2), rtol=0, atol=1e-5)


@SHAPES
def test_up_is_a_transposed_convolution(kernel: int, stride: int) -> None:
    up, x_BTC = Up(3, 5, kernel, stride), torch.randn(2, 6, 3)
    weight_IOK = up.linear.weight.unflatten(0, (kernel, 5)).permute(2, 1, 0)
    wanted_BOT = F.conv_transpose1d(x_BTC.transpose(1, 2), weight_IOK, up.bias, stride)[..., : 6 * stride]
    torch.testing.assert_close(up(x_BTC), wanted_BOT.transpose(1, 2), rtol=0, atol=1e-5)


def test_up_starts_as_torch_starts_transposed_convolutions() -> None:
    wanted = torch.nn.ConvTranspose1d(64, 32, 8, 4)
    up = Up(64, 32, 8, 4)
    assert up.linear.weight.std().item() == pytest.approx(wanted.weight.std().item(), rel=0.05)
    assert up.bias.abs().max() <= wanted.weight.abs().max() * 1.01


@SHAPES
@pytest.mark.parametrize("block", [Down, Up])
def test_stream_equals_whole(block: type[Down | Up], kernel: int, stride: int) -> None:
    module, x_BTC = block(3, 5, kernel, stride), torch.randn(2, 12 * stride, 3)
    state, parts = module.init_state(2), []
    for part_BTC in x_BTC.split([stride, 4 * stride, 7 * stride], 1):
        y_BTC, state = module.step(part_BTC, state)
        parts.append(y_BTC)
    torch.testing.assert_close(torch.cat(parts, 1), module(x_BTC), rtol=0, atol=1e-6)
