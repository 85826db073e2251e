"""Each mechanism against the formula of the spec, and what gradients it lets through."""

import pytest
import torch
from torch import Tensor

from models.extract.memory import (
    CacheMemory,
    GruMemory,
    Memory,
    MemoryConfig,
    NoMemory,
    Place,
    RnnMemory,
    SpecialChannelsMemory,
    create,
)
from models.extract.tcn import BlockShape

SHAPE = BlockShape(hidden=8, voice_size=4, norm="global", causal=False, extra_pointwise=True)
PLACE = Place(channels=6, frames=5, stacks=3, blocks=4, shape=SHAPE)
ALL: list[MemoryConfig] = [
    NoMemory(),
    RnnMemory(),
    *(GruMemory(version=version, size=3) for version in range(4)),
    CacheMemory(size=2),
    SpecialChannelsMemory(size=2),
]


def make(config: MemoryConfig, shift: int = 0) -> Memory:
    torch.manual_seed(0)
    return create(config, Place(**{**vars(PLACE), "shift": shift}))


def outputs(memory: Memory) -> list[Tensor]:
    """What four blocks of the last stack might have given for two chunks."""
    return [torch.randn(2, 6 + memory.widened, 5) for _ in range(4)]


@pytest.mark.parametrize("config", ALL, ids=str)
def test_what_enters_is_as_wide_as_is_told(config: MemoryConfig) -> None:
    memory = make(config)
    state = memory.init_state(2, torch.zeros(1))
    for stack in range(3):
        x_BCF = torch.randn(2, 6 + (memory.widened if stack else 0), 5)
        entered = memory.enter(stack, x_BCF, state)
        assert entered.shape == (2, 6 + memory.widened + memory.joined(stack), 5)
    inputs = [torch.randn(2, 6, 5) for _ in range(3)]
    after = memory.update(inputs, outputs(memory), state)
    assert {name: value.shape for name, value in after.items()} == {name: value.shape for name, value in state.items()}


@pytest.mark.parametrize("config", ALL, ids=str)
def test_only_what_may_carries_gradients_on(config: MemoryConfig) -> None:
    memory = make(config)
    inputs = [torch.randn(2, 6, 5, requires_grad=True) for _ in range(3)]
    blocks = [part.requires_grad_(True) for part in outputs(memory)]
    after = memory.update(inputs, blocks, memory.init_state(2, torch.zeros(1)))
    carries = {name for name, value in after.items() if value.requires_grad}
    assert carries == {name for name in after if name == "memory"}


def test_rnn_gates_the_mean_output() -> None:
    memory, blocks = make(RnnMemory()), outputs(make(RnnMemory()))
    before_BC = torch.randn(2, 6)
    after_BC = memory.update([], blocks, {"memory": before_BC})["memory"]
    weight, bias = memory.gate.weight[..., 0], memory.gate.bias
    gate_BC = torch.sigmoid((torch.einsum("oc,bcf->bof", weight, torch.cat(blocks[1:3], 1)) + bias[:, None]).mean(-1))
    assert torch.allclose(after_BC, gate_BC * blocks[3].mean(-1) + (1 - gate_BC) * before_BC, atol=1e-6)
    assert memory.nudge(1, {"memory": before_BC}) is None
    assert torch.equal(memory.nudge(2, {"memory": before_BC}), before_BC[..., None])


def test_gru_mixes_candidate_and_map() -> None:
    memory = make(GruMemory(size=3))
    blocks, before_BMF = outputs(memory), torch.randn(2, 3, 5)
    gate_BMF = torch.sigmoid(memory.gate(blocks[-1]))
    wanted_BMF = (1 - gate_BMF) * memory.candidate(blocks[-1]) + gate_BMF * before_BMF
    assert torch.allclose(memory.update([], blocks, {"memory": before_BMF})["memory"], wanted_BMF, atol=1e-6)


@pytest.mark.parametrize(("version", "caches", "fill"), [(0, 0, 0), (1, 3, 0), (2, 1, 0), (3, 3, 1)])
def test_gru_versions_keep_inputs(version: int, caches: int, fill: int) -> None:
    memory = make(GruMemory(version=version, size=3))
    state = memory.init_state(2, torch.zeros(1))
    assert [name for name in state if name != "memory"] == [f"cache.{stack}" for stack in range(caches)]
    assert all(bool((value == fill).all()) for name, value in state.items() if name != "memory")
    inputs = [torch.randn(2, 6, 5) for _ in range(3)]
    after = memory.update(inputs, outputs(memory), state)
    assert all(torch.equal(after[f"cache.{stack}"], inputs[stack]) for stack in range(caches))


def test_gates_see_the_last_chunk_channel_by_channel() -> None:
    memory = make(GruMemory(version=3, size=3))
    state = memory.init_state(1, torch.zeros(1)) | {"cache.0": torch.randn(1, 6, 5)}
    x_BCF = torch.randn(1, 6, 5)
    gate = memory.gates[0]
    wanted_BCF = x_BCF * torch.sigmoid(state["cache.0"] @ gate.weight[0] + gate.bias)[..., None]
    assert torch.allclose(memory.enter(0, x_BCF, state), wanted_BCF, atol=1e-6)


def test_special_channels_come_back_as_they_went() -> None:
    memory = make(SpecialChannelsMemory(size=2))
    blocks = outputs(memory)
    after = memory.update([], blocks, memory.init_state(2, torch.zeros(1)))
    assert torch.equal(after["memory"], blocks[-1][:, 6:])
    assert torch.equal(memory.enter(0, torch.zeros(2, 6, 5), after)[:, 6:], blocks[-1][:, 6:])


def test_kept_frames_stand_beside_those_of_their_time() -> None:
    """With windows that begin two frames later, frame 2 of the last one is frame 0 of this one."""
    memory = make(CacheMemory(size=1), shift=2)
    state = {f"cache.{stack}": torch.arange(5.0).expand(1, 1, 5) for stack in range(3)}
    assert memory.enter(0, torch.zeros(1, 6, 5), state)[0, 6].tolist() == [2, 3, 4, 4, 4]
