import pytest
import torch
from torch.nn import functional as F

from models.blocks.pool import TimePool


@pytest.mark.parametrize("frames", [1, 2, 7, 8, 9])
@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (4, 4), (8, 2)])
def test_clip_keeps_every_frame(frames: int, kernel: int, stride: int) -> None:
    """Whatever frame is the largest, some output has it; the output is as long as that of a convolution."""
    pool = TimePool(kernel, stride, causal=False)
    spikes_BCT = torch.eye(frames)[:, None]
    pooled_BCT = pool(spikes_BCT)
    assert pooled_BCT.shape == (frames, 1, -(-frames // stride))
    assert (pooled_BCT.amax(-1) == 1).all()


@pytest.mark.parametrize("causal", [False, True])
def test_whole_windows_are_those_of_a_plain_pool(causal: bool) -> None:
    x_BCT = torch.rand(2, 3, 12)
    assert torch.equal(TimePool(4, causal=causal)(x_BCT), F.max_pool1d(x_BCT, 4))


def test_causal_pool_drops_what_is_not_yet_whole() -> None:
    assert TimePool(4, causal=True)(torch.rand(1, 1, 11)).shape == (1, 1, 2)
