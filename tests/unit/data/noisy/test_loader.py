"""Batches of noisy speech: what is in them, that they are the same each time, and what sides do not share."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sonant.config.noisy import Noising
from sonant.data.noisy.loader import NoisyLoader
from sonant.data.noisy.mixer import NoisyMixer
from sonant.data.recipes.items import Drawn, Fixed

CFG = Noising(item_s=0.9, gap_s=(0.05, 0.1), noise_only_p=0.2, clean_only_p=0.2, room_p=0.3, clip_p=0.3, codec_p=0.3)


@pytest.fixture(scope="module")
def mixer(voices_corpus, noise_corpus, rows_of) -> NoisyMixer:
    cfg = CFG.model_copy(update={"noise_corpus": str(noise_corpus.path)})
    return NoisyMixer(voices_corpus, rows_of(voices_corpus, "train"), cfg, split="train", seed=5)


def loader(items, **changes) -> NoisyLoader:
    return NoisyLoader(items, **{"batch_size": 4, "seed": 0, "training": True, **changes})


def same(one, other) -> bool:
    tensors = [name for name, value in vars(one).items() if isinstance(value, torch.Tensor)]
    return one.ids == other.ids and all(torch.equal(getattr(one, name), getattr(other, name)) for name in tensors)


def test_what_is_in_a_batch(mixer) -> None:
    for batch in loader(Drawn(mixer, 20)).epoch(0):
        assert batch.noisy_BN.shape == batch.clean_BN.shape == (4, 14_400)
        assert batch.noisy_BN.dtype == batch.clean_BN.dtype == batch.snr_db_B.dtype == torch.float32
        assert batch.noisy_BN.abs().max() <= 1
        for item, name in enumerate(batch.ids):
            _, epoch, index = name.split("-")
            assert int(batch.row_B[item]) == int(index)
            recipe = mixer.recipe(int(epoch), int(index))
            rendered = mixer.render(recipe)
            assert np.array_equal(batch.noisy_BN[item].numpy(), rendered.noisy_N)
            assert np.array_equal(batch.clean_BN[item].numpy(), rendered.clean_N)
            assert float(batch.snr_db_B[item]) == pytest.approx(recipe.snr_db)
            assert (batch.samples_B[item], recipe.samples) == (14_400, 14_400)


def test_training_epochs_are_new_and_a_stopped_one_goes_on(mixer) -> None:
    made = loader(Drawn(mixer, 20))
    assert made.steps == 5
    first, second = list(made.epoch(0)), list(made.epoch(1))
    assert len({name for batch in first + second for name in batch.ids}) == 40
    again = list(loader(Drawn(mixer, 20)).epoch(1, skip=2))
    assert all(same(a, b) for a, b in zip(second[2:], again, strict=True))


def test_ranks_share_what_one_rank_with_all_would_take(mixer) -> None:
    parts = [list(loader(Drawn(mixer, 16), batch_size=2, rank=rank, world=2).epoch(0)) for rank in range(2)]
    whole = list(loader(Drawn(mixer, 16)).epoch(0))
    assert [a.ids + b.ids for a, b in zip(*parts, strict=True)] == [batch.ids for batch in whole]


@pytest.mark.parametrize("world", [1, 3])
def test_evaluation_takes_each_item_once_and_the_same_every_epoch(mixer, world: int) -> None:
    items = Fixed.drawn(mixer, 10)
    parts = [loader(items, training=False, rank=rank, world=world, batch_size=3) for rank in range(world)]
    epochs = [[batch for part in parts for batch in part.epoch(epoch)] for epoch in (0, 7)]
    assert all(same(a, b) for a, b in zip(*epochs, strict=True))
    assert sorted(name for batch in epochs[0] for name in batch.ids) == [f"train-0-{index}" for index in range(10)]


def test_items_of_whole_recordings_are_padded(voices_corpus, rows_of) -> None:
    cfg = Noising(item_s=0.9, whole=True, noise_only_p=0.0)
    mixer = NoisyMixer(voices_corpus, rows_of(voices_corpus, "train"), cfg, split="train", seed=5)
    batch = next(iter(loader(Drawn(mixer, 8), batch_size=8).epoch(0)))
    assert len(set(batch.samples_B.tolist())) > 1
    assert batch.noisy_BN.shape[1] == batch.samples_B.max()
    for item, samples in enumerate(batch.samples_B.tolist()):
        assert samples >= 14_400
        assert not batch.noisy_BN[item, samples:].any()


def test_sides_share_no_speaker_and_no_noise(voices_corpus, noise_corpus, rows_of) -> None:
    cfg = CFG.model_copy(update={"noise_corpus": str(noise_corpus.path)})
    speakers: list[set[str]] = []
    noises: list[set[int]] = []
    for side in ("train", "validation", "test"):
        mixer = NoisyMixer(voices_corpus, rows_of(voices_corpus, side), cfg, split=side, seed=5)
        recipes = [mixer.recipe(0, index) for index in range(100)]
        speakers.append({recipe.speaker for recipe in recipes} - {""})
        noises.append({noise.cut.row for recipe in recipes for noise in recipe.noises})
    for sides in (speakers, noises):
        assert all(sides)
        assert sum(map(len, sides)) == len(set.union(*sides))


def test_batches_move_whole(mixer) -> None:
    batch = next(iter(loader(Drawn(mixer, 4), training=False).epoch(0)))
    assert same(batch.to("cpu"), batch)
    assert len(batch) == 4
