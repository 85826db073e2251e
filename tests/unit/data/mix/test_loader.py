"""Batches of mixtures: what is in them, their order, and that stopped runs go on exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sonant.config.mix import Mixing
from sonant.data.mix.loader import MixLoader
from sonant.data.mix.mixer import Mixer
from sonant.data.recipes.items import Drawn, Fixed

CFG = Mixing(mix_s=0.6, min_s=0.2, reference_s=(0.3, 0.5), absent_p=0.3, interferers=(0, 2), overlap=(0.2, 1.0))


@pytest.fixture(scope="module")
def mixer(voices_corpus, rows_of) -> Mixer:
    return Mixer(voices_corpus, rows_of(voices_corpus, "train"), CFG, split="train", seed=5)


def loader(items, *, training: bool = True, **changes) -> MixLoader:
    return MixLoader(items, tuple("abcdef"), **{"batch_size": 4, "seed": 0, "training": training, **changes})


def same(one, other) -> bool:
    tensors = [name for name, value in vars(one).items() if isinstance(value, torch.Tensor)]
    return one.ids == other.ids and all(torch.equal(getattr(one, name), getattr(other, name)) for name in tensors)


def test_what_is_in_a_batch(mixer) -> None:
    for batch in loader(Drawn(mixer, 20)).epoch(0):
        assert batch.mix_BN.shape == batch.target_BN.shape == (4, 9600)
        assert batch.mix_BN.dtype == torch.float32
        assert batch.ref_BR.shape[1] == batch.ref_samples_B.max()
        assert batch.others_BKN is None
        for item, name in enumerate(batch.ids):
            _, epoch, index = name.split("-")
            recipe = mixer.recipe(int(epoch), int(index))
            rendered = mixer.render(recipe)
            samples, ref = int(batch.mix_samples_B[item]), int(batch.ref_samples_B[item])
            assert (samples, ref) == (recipe.samples, recipe.references[0].samples)
            assert np.array_equal(batch.mix_BN[item, :samples].numpy(), rendered.mix_N)
            assert np.array_equal(batch.target_BN[item, :samples].numpy(), rendered.target_N)
            assert np.array_equal(batch.ref_BR[item, :ref].numpy(), rendered.ref_R)
            assert not batch.mix_BN[item, samples:].any()
            assert not batch.ref_BR[item, ref:].any()
            assert bool(batch.present_B[item]) == recipe.present
            # g is wanted, too, but no output of the network stands for it.
            assert int(batch.speaker_B[item]) == ("abcdef".index(recipe.speaker) if recipe.speaker != "g" else -100)


def test_training_epochs_are_new_and_a_stopped_one_goes_on(mixer) -> None:
    made = loader(Drawn(mixer, 20))
    assert made.steps == 5
    first, second = list(made.epoch(0)), list(made.epoch(1))
    assert len({name for batch in first + second for name in batch.ids}) == 40
    again = list(loader(Drawn(mixer, 20)).epoch(1, skip=2))
    assert all(same(a, b) for a, b in zip(second[2:], again, strict=True))


def test_ranks_share_what_one_rank_with_all_would_take(mixer) -> None:
    parts = [list(loader(Drawn(mixer, 20), batch_size=2, rank=rank, world=2).epoch(0)) for rank in range(2)]
    whole = list(loader(Drawn(mixer, 20)).epoch(0))
    assert [a.ids + b.ids for a, b in zip(*parts, strict=True)] == [batch.ids for batch in whole]


def test_fixed_items_are_shuffled_for_training(mixer) -> None:
    made = loader(Fixed.drawn(mixer, 9), batch_size=3)
    first, second = ([name for batch in made.epoch(epoch) for name in batch.ids] for epoch in (0, 1))
    assert sorted(first) == sorted(second) == sorted(f"train-0-{index}" for index in range(9))
    assert first != second


@pytest.mark.parametrize("world", [1, 2, 12])
def test_evaluation_takes_each_item_once_and_the_same_every_epoch(mixer, world: int) -> None:
    parts = [loader(Drawn(mixer, 10), training=False, rank=rank, world=world, batch_size=3) for rank in range(world)]
    epochs = [[batch for part in parts for batch in part.epoch(epoch)] for epoch in (0, 7)]
    assert all(same(a, b) for a, b in zip(*epochs, strict=True))
    assert sorted(name for batch in epochs[0] for name in batch.ids) == [f"train-0-{index}" for index in range(10)]
    assert [len(list(part.epoch(0))) for part in parts] == [part.steps for part in parts]
    for batch in epochs[0]:
        # Without noise, what is not the target is the others.
        assert torch.allclose(batch.mix_BN, batch.target_BN + batch.others_BKN.sum(1), atol=1e-6)
        assert batch.mix_BN.shape[1] == batch.mix_samples_B.max()


def test_batches_move_whole(mixer) -> None:
    batch = next(iter(loader(Drawn(mixer, 4), training=False).epoch(0)))
    assert same(batch.to("cpu"), batch)
    assert len(batch) == 4
