import pytest
import torch
from torch import Tensor, nn

from models.blocks.conv import TimeConv

SHAPES = [(1, 1, 1), (1, 2, 1), (3, 1, 1), (3, 1, 8), (9, 1, 1), (9, 2, 1), (2, 4, 1), (5, 3, 2), (4, 2, 3)]
shapes = pytest.mark.parametrize(("kernel", "stride", "dilation"), SHAPES)


def make(kernel: int, stride: int, dilation: int, *, causal: bool = True, flat: bool = True) -> TimeConv:
    torch.manual_seed(0)
    if flat:
        return TimeConv(nn.Conv1d(4, 6, kernel, stride, dilation=dilation, groups=2), causal=causal)
    conv = nn.Conv2d(4, 6, (3, kernel), (2, stride), (1, 0), (1, dilation))
    return TimeConv(conv, causal=causal, bins=10)


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@shapes
@pytest.mark.parametrize("flat", [True, False])
def test_stream_equals_whole(kernel: int, stride: int, dilation: int, flat: bool) -> None:
    conv = make(kernel, stride, dilation, flat=flat)
    x = noise(2, 4, 24 * stride) if flat else noise(2, 4, 10, 24 * stride)
    state, parts, start = conv.init_state(2), [], 0
    for outputs in (1, 1, 5, 2, 12, 3):
        y, state = conv.step(x[..., start * stride : (start + outputs) * stride], state)
        assert y.shape[-1] == outputs
        parts.append(y)
        start += outputs
    torch.testing.assert_close(torch.cat(parts, -1), conv(x))


@shapes
def test_causal_output_hears_the_newest_frame_and_none_after_it(kernel: int, stride: int, dilation: int) -> None:
    x = noise(1, 4, 20 * stride).requires_grad_()
    y = make(kernel, stride, dilation)(x)
    assert y.shape[-1] == 20
    heard_CT = torch.autograd.grad(y[..., 13].sum(), x)[0][0].abs()
    newest = 14 * stride - 1
    assert heard_CT[:, newest].min() > 0
    assert heard_CT[:, newest + 1 :].max() == 0


@shapes
@pytest.mark.parametrize("frames", [19, 20, 21])
def test_same_padding(kernel: int, stride: int, dilation: int, frames: int) -> None:
    conv = make(kernel, stride, dilation, causal=False)
    y = conv(noise(1, 4, frames))
    reach = (kernel - 1) * dilation
    if reach % 2 == 0:
        assert y.shape[-1] == -(-frames // stride)
        conv.conv.padding = (reach // 2,)
        torch.testing.assert_close(y, conv.conv(noise(1, 4, frames)))


def test_remembers_only_what_it_needs() -> None:
    assert make(1, 2, 1).init_state(3) == {}
    assert make(9, 2, 1).init_state(3)["past"].shape == (3, 4, 7)
    assert make(3, 1, 4, flat=False).init_state(3)["past"].shape == (3, 4, 10, 8)


def test_frames_that_fill_no_stride_are_left_out() -> None:
    conv = make(9, 2, 1)
    torch.testing.assert_close(conv(noise(1, 4, 11)), conv(noise(1, 4, 11)[..., :10]))


def test_only_causal_ones_stream() -> None:
    with pytest.raises(AssertionError, match="causal"):
        make(3, 1, 1, causal=False).init_state(1)
