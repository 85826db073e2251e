from collections import Counter

import numpy as np
import pytest
import torch

from sonant.config.data import DataConfig
from sonant.data.batch import Batch
from sonant.data.loader import Loader
from sonant.errors import DataError


@pytest.fixture
def corpus(make_corpus):
    """23 clips, whose samples tell their row, as long as a window."""
    pcm = [np.full(1600, row + 1, np.int16) for row in range(23)]
    return make_corpus([{"label": "abc"[row % 3]} for row in range(23)], pcm=pcm)


def loader(corpus, *, training: bool = True, seed: int = 0, rank: int = 0, world: int = 1, **changes: object) -> Loader:
    cfg = DataConfig.model_validate({"corpus": "", "clip_s": 0.1, "batch_size": 4, "augment": None, **changes})
    rows = np.arange(len(corpus))
    return Loader(corpus, rows, ("a", "b", "c"), cfg, seed=seed, training=training, rank=rank, world=world)


def rows(batches) -> list[int]:
    return [row for batch in batches for row in batch.row_B.tolist()]


def same(one: Batch, other: Batch) -> bool:
    pairs = [(vars(a), vars(b)) for a, b in ((one, other), (one.draws, other.draws)) if a is not None]
    tensors = [(a[name], b[name]) for a, b in pairs for name in a if isinstance(a[name], torch.Tensor)]
    return all(torch.equal(a, b) for a, b in tensors)


def test_items_are_what_the_corpus_holds(corpus) -> None:
    for batch in loader(corpus).epoch(0):
        assert batch.wav_BN.dtype == torch.int16
        assert batch.wav_BN.shape == (4, 1600)
        assert batch.wav_BN[:, 0].tolist() == [row + 1 for row in batch.row_B.tolist()]
        assert batch.label_B.tolist() == [row % 3 for row in batch.row_B.tolist()]
        assert batch.length_B.tolist() == [1600] * 4


def test_epochs_are_shuffled_each_its_own_way_and_again_the_same(corpus) -> None:
    first, second = (rows(loader(corpus).epoch(epoch)) for epoch in (0, 1))
    assert len(first) == 20
    assert len(set(first)) == 20
    assert first != second
    assert first != sorted(first)
    assert first == rows(loader(corpus).epoch(0))
    assert first != rows(loader(corpus, seed=1).epoch(0))


def test_skipping_goes_on_exactly_there(corpus) -> None:
    augment = {"mixup_p": 0.5, "context_p": 0.5}
    whole = list(loader(corpus, augment=augment).epoch(3))
    rest = list(loader(corpus, augment=augment).epoch(3, skip=2))
    assert len(rest) == len(whole) - 2
    assert all(same(a, b) for a, b in zip(whole[2:], rest, strict=True))
    assert [batch.mix is None for batch in whole[2:]] == [batch.mix is None for batch in rest]


def test_ranks_share_an_epoch_in_equal_steps(corpus) -> None:
    parts = [loader(corpus, rank=rank, world=3, batch_size=2) for rank in range(3)]
    assert [part.steps for part in parts] == [3, 3, 3]
    seen = [rows(part.epoch(0)) for part in parts]
    assert [len(part) for part in seen] == [6, 6, 6]
    assert len({row for part in seen for row in part}) == 18
    # One step over all ranks takes what one rank with the joint batch size would take.
    joint = rows(loader(corpus, batch_size=6).epoch(0))
    assert [row for part in seen for row in part[:2]] == joint[:6]


def test_repeats_go_through_everything_again_and_vary_it_anew(corpus) -> None:
    batches = list(loader(corpus, repeat=3, batch_size=23, augment={}).epoch(0))
    assert len(batches) == 3
    assert set(Counter(rows(batches)).values()) == {3}
    gains = [dict(zip(batch.row_B.tolist(), batch.draws.gain_B.tolist(), strict=True)) for batch in batches]
    assert all(len({gain[row] for gain in gains}) == 3 for row in range(23))


def test_a_set_smaller_than_a_batch_still_fills_one(corpus) -> None:
    small = loader(corpus, batch_size=30)
    assert small.steps == 1
    seen = Counter(rows(small.epoch(0)))
    assert sum(seen.values()) == 30
    assert len(seen) == 23


@pytest.mark.parametrize("world", [1, 2, 3, 30])
def test_evaluation_sees_every_row_exactly_once(corpus, world: int) -> None:
    parts = [loader(corpus, training=False, rank=rank, world=world, augment={}) for rank in range(world)]
    batches = [list(part.epoch(0)) for part in parts]
    assert [len(part) for part in batches] == [part.steps for part in parts]
    assert sorted(row for part in batches for row in rows(part)) == list(range(23))
    assert all(batch.draws is None for part in batches for batch in part)


def test_evaluation_pads_and_cuts_around_the_middle(make_corpus) -> None:
    corpus = make_corpus(
        [{"label": "a"}, {"label": "a"}], pcm=[np.arange(1, n + 1, dtype=np.int16) for n in (800, 2000)]
    )
    cfg = DataConfig(corpus="", clip_s=0.1)
    (batch,) = Loader(corpus, np.arange(2), ("a",), cfg, seed=0, training=False).epoch(0)
    assert batch.length_B.tolist() == [800, 1600]
    assert batch.wav_BN[0, [399, 400, 1199, 1200]].tolist() == [0, 1, 800, 0]
    assert batch.wav_BN[1, [0, -1]].tolist() == [201, 1800]


def test_only_clips_of_the_wanted_labels(corpus) -> None:
    cfg = DataConfig(corpus="", clip_s=0.1, batch_size=64)
    chosen = Loader(corpus, np.arange(3, 23), ("c", "a"), cfg, seed=0, training=False)
    (batch,) = chosen.epoch(0)
    assert chosen.rows.tolist() == [row for row in range(3, 23) if row % 3 != 1]
    assert batch.label_B.tolist() == [{2: 0, 0: 1}[row % 3] for row in batch.row_B.tolist()]
    assert chosen.label_counts == (6, 7)


def test_labels_that_are_not_there(corpus, make_corpus) -> None:
    cfg = DataConfig(corpus="", clip_s=0.1)
    with pytest.raises(DataError, match="no label z") as caught:
        Loader(corpus, np.arange(23), ("a", "z"), cfg, seed=0, training=True)
    assert caught.value.hint == "it has a, b, c"
    with pytest.raises(DataError, match="no clips of a among the 2"):
        Loader(corpus, np.array([1, 2]), ("a",), cfg, seed=0, training=True)
    judging = Loader(corpus, np.arange(23), ("a", "z"), cfg, seed=0, training=False)
    assert judging.label_counts == (8, 0)


def test_what_happens_to_a_clip_does_not_depend_on_its_batch(corpus) -> None:
    def variants(batch_size: int) -> dict[int, bytes]:
        batches = loader(corpus, augment={"context_p": 0.5}, batch_size=batch_size, clip_s=0.15).epoch(0)
        items = ((batch, item) for batch in batches for item in range(len(batch)))
        return {
            int(batch.row_B[item]): batch.wav_BN[item].numpy().tobytes() + batch.draws.masks_BM4[item].numpy().tobytes()
            for batch, item in items
        }

    large, small = variants(23), variants(3)
    assert len(small) == 21
    assert all(large[row] == wave for row, wave in small.items())


def test_context_is_the_end_of_another_clip(corpus) -> None:
    batches = loader(corpus, augment={"context_p": 1}, clip_s=0.3).epoch(0)
    for batch in batches:
        for wav_N, row in zip(batch.wav_BN, batch.row_B.tolist(), strict=True):
            word = (wav_N == row + 1).nonzero().squeeze(1)
            assert word.numel() == 1600
            assert 4800 - int(word[-1]) <= 1601
            before = set(wav_N[: int(word[0])].tolist())
            assert len(before - {0, row + 1}) == 1
            assert wav_N[int(word[0]) - 320 : int(word[0])].eq(0).all()


def test_nobody_is_its_own_context(make_corpus) -> None:
    two = make_corpus([{"label": "a"}] * 2, pcm=[np.full(400, value, np.int16) for value in (1, 2)])
    cfg = DataConfig.model_validate(
        {"corpus": "", "clip_s": 0.5, "batch_size": 2, "repeat": 10, "augment": {"context_p": 1}}
    )
    for batch in Loader(two, np.arange(2), ("a",), cfg, seed=0, training=True).epoch(0):
        assert all(wav_N.eq(2 - row).any() for wav_N, row in zip(batch.wav_BN, batch.row_B.tolist(), strict=True))


def test_noise_comes_from_the_noise_corpus(corpus, make_corpus) -> None:
    noise = make_corpus([{"label": "x"}], pcm=[np.full(5000, 77, np.int16)], name="noise")
    augment = {"noise_corpus": str(noise.path)}
    batch = next(iter(loader(corpus, augment=augment).epoch(0)))
    assert batch.draws.noise_BN.shape == (4, 1600)
    assert set(batch.draws.noise_BN.unique().tolist()) == {77}
    other = make_corpus([{"label": "x"}], name="slow", rate_hz=8000)
    with pytest.raises(DataError, match="8000 Hz, the corpus 16000 Hz"):
        loader(corpus, augment={"noise_corpus": str(other.path)})


def test_augmentation_is_for_training_only(corpus) -> None:
    assert next(iter(loader(corpus, augment={}).epoch(0))).draws is not None
    assert next(iter(loader(corpus).epoch(0))).draws is None


@pytest.fixture
def voices(make_corpus):
    """Nine clips of two windows by three speakers and nobody known; "c" is never trained on."""
    names = ["a", "b", "c", "a", "b", "c", "", "a", "c"]
    pcm = [np.full(3200, row + 1, np.int16) for row in range(9)]
    return make_corpus([{"label": "x", "speaker": name} for name in names], pcm=pcm)


def by_speaker(corpus, rows: list[int], *, training: bool) -> Loader:
    cfg = DataConfig.model_validate({"corpus": "", "clip_s": 0.1, "batch_size": 2, "augment": None})
    return Loader(corpus, np.array(rows), ("a", "b"), cfg, seed=0, training=training, identity="speaker")


def test_training_by_speaker_numbers_the_speakers_it_knows(voices) -> None:
    batches = list(by_speaker(voices, list(range(9)), training=True).epoch(0))
    seen = {row: label for batch in batches for row, label in zip(rows([batch]), batch.label_B.tolist(), strict=True)}
    assert len(seen) == 4
    assert all(label == (0 if row in (0, 3, 7) else 1) for row, label in seen.items())


def test_judging_by_speaker_takes_whole_recordings_of_anybody_known(voices) -> None:
    batches = list(by_speaker(voices, list(range(9)), training=False).epoch(0))
    assert rows(batches) == [0, 1, 2, 3, 4, 5, 7, 8]
    assert [batch.label_B.tolist() for batch in batches] == [[0], [1], [2], [0], [1], [2], [0], [2]]
    assert batches[0].wav_BN.shape == (3, 1600)
    assert batches[0].wav_BN.dtype == torch.int16
    assert batches[0].length_B.tolist() == [3200]


@pytest.mark.parametrize("chosen", [[0, 3, 7], [0, 1, 2, 6]])
def test_nothing_to_compare_is_told_before_training(voices, chosen: list[int]) -> None:
    with pytest.raises(DataError, match="no pairs to compare"):
        by_speaker(voices, chosen, training=False)
