from typing import Any

import pytest
import torch

from models.extract.causal import CausalExtractorConfig, build
from models.extract.pool import PooledStep
from models.streaming import State

TINY = {
    "channels": 8,
    "hidden": 8,
    "stacks": 2,
    "blocks": 3,
    "voice_size": 4,
    "basis": {"kind": "learned", "filters": 8},
}
MEMORIES: list[dict[str, Any]] = [
    {"kind": "none"},
    {"kind": "vector_gru", "size": 4},
    {"kind": "channel_gru", "size": 4},
    {"kind": "gated_cache", "size": 4},
    {"kind": "special_channels", "size": 4},
]
SLOTS = 5


@pytest.mark.parametrize("memory", MEMORIES, ids=lambda memory: memory["kind"])
def test_any_slots_step_as_they_would_alone(memory: dict[str, Any]) -> None:
    """Random slots, each with a clock of its own and often some way round its rings; one is begun anew."""
    torch.manual_seed(0)
    model = build(CausalExtractorConfig.model_validate({**TINY, "memory": memory})).eval().requires_grad_(False)
    pooled = PooledStep(model, frames=4)
    pool, voice_SE = pooled.init_pool(SLOTS), torch.randn(SLOTS, 4)
    alone: list[State] = [model.init_state(1) for _ in range(SLOTS)]
    for turn in range(25):
        if turn == 15:
            alone[2] = model.init_state(1)
            pool = {name: value.index_fill(0, torch.tensor([2]), 0) for name, value in pool.items()}
        slot_B = torch.randperm(SLOTS)[: 1 + turn % 4]
        hops = int(torch.randint(1, 5, ()))
        chunk_BN = torch.randn(len(slot_B), hops * model.hop)
        live, pool = pooled(chunk_BN, voice_SE[slot_B], slot_B, pool)
        for row, slot in enumerate(slot_B.tolist()):
            wanted, alone[slot] = model.step(chunk_BN[row : row + 1], alone[slot], voice_SE[slot : slot + 1])
            assert torch.allclose(live.wav_BN[row : row + 1], wanted.wav_BN, atol=1e-6)
            assert live.presence_BF is not None
            assert wanted.presence_BF is not None
            assert torch.allclose(live.presence_BF[row : row + 1], wanted.presence_BF, atol=1e-5)


def test_the_model_itself_is_left_as_it_was() -> None:
    model = build(CausalExtractorConfig.model_validate(TINY))
    before = list(model.state_dict())
    PooledStep(model, frames=4)
    assert list(model.state_dict()) == before
    assert model.training


def test_a_step_writes_no_more_than_its_frames() -> None:
    model = build(CausalExtractorConfig.model_validate(TINY)).eval()
    pooled = PooledStep(model, frames=4)
    pool = pooled.init_pool(3)
    _, after = pooled(torch.randn(1, 2 * model.hop), torch.randn(1, 4), torch.tensor([1]), pool)
    rings = [name for name in pool if name.endswith(".ring")]
    assert len(rings) == 6
    for name in rings:
        assert (after[name] != pool[name]).any(-1).nonzero().tolist() == [[1, 0], [1, 1]]
