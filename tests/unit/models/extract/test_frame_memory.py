import pytest
import torch
from torch import Tensor

from models.extract.frame_memory import (
    ChannelGru,
    ChannelGruMemory,
    GatedCache,
    GatedCacheMemory,
    VectorGru,
    VectorGruMemory,
    gated_scan,
)


def one_by_one(log_keep_BTM: Tensor, add_BTM: Tensor, memory_BM: Tensor) -> Tensor:
    outputs: list[Tensor] = []
    for log_keep_BM, add_BM in zip(log_keep_BTM.unbind(1), add_BTM.unbind(1), strict=True):
        memory_BM = log_keep_BM.exp() * memory_BM + add_BM
        outputs.append(memory_BM)
    return torch.stack(outputs, 1)


@pytest.mark.parametrize("frames", [1, 2, 3, 64, 777])
@pytest.mark.parametrize("exporting", [False, True])
def test_scan_is_the_recurrence(monkeypatch: pytest.MonkeyPatch, frames: int, exporting: bool) -> None:
    """In both of its forms, also where gates are shut or wide open."""
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: exporting)
    log_keep_BTM = torch.nn.functional.logsigmoid(10 * torch.randn(2, frames, 3, dtype=torch.float64))
    add_BTM, start_BM = torch.randn(2, frames, 3).double(), torch.randn(2, 3).double()
    wanted_BTM = one_by_one(log_keep_BTM, add_BTM, start_BM)
    assert torch.allclose(gated_scan(log_keep_BTM, add_BTM, start_BM), wanted_BTM, atol=1e-8)


def test_channel_gru_keeps_from_a_few_frames_to_hundreds() -> None:
    memory = ChannelGru(4, ChannelGruMemory(size=16))
    keep_M = torch.sigmoid(memory.gates.bias[:16])
    assert 2 < 1 / (1 - keep_M[0]) < 5
    assert 200 < 1 / (1 - keep_M[-1]) < 600


def test_cache_tells_of_the_frame_some_time_ago() -> None:
    memory = GatedCache(4, GatedCacheMemory(size=2), delay=3)
    x_BTC = torch.randn(1, 9, 4, requires_grad=True)
    (memory(x_BTC) - x_BTC)[0, 7].sum().backward()
    assert x_BTC.grad is not None
    # Frame 7 itself opens the gate; frame 4 is what comes in.
    assert x_BTC.grad[0].abs().sum(1).nonzero().flatten().tolist() == [4, 7]


def test_vector_gru_sees_all_the_past() -> None:
    memory = VectorGru(4, VectorGruMemory(size=3))
    x_BTC = torch.randn(1, 9, 4, requires_grad=True)
    memory(x_BTC)[0, 7].sum().backward()
    assert x_BTC.grad is not None
    assert x_BTC.grad[0].abs().sum(1).nonzero().flatten().tolist() == list(range(8))
