import pytest
import torch

from sonant.data.recipes.parts import Room
from sonant.data.recipes.room import responses


def test_each_voice_has_its_own_place_and_all_the_same_room() -> None:
    made_VM = responses(Room(3, 0.4), 3, 16_000)
    assert made_VM.shape == (3, 16_000)
    assert made_VM.square().sum(1).tolist() == pytest.approx([1, 1, 1], abs=1e-4)
    # Near or far: how much of the energy comes first.
    assert len({round(float(first), 3) for first in made_VM[:, 0]}) == 3
    assert torch.equal(made_VM, responses(Room(3, 0.4), 3, 16_000))
    assert not torch.equal(made_VM, responses(Room(4, 0.4), 3, 16_000))


def test_long_reverberation_has_a_longer_response() -> None:
    assert responses(Room(0, 2.0), 1, 8000).shape == (1, 32_000)
