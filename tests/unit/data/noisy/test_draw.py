"""What is drawn: everything that a config asks for, and the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.config.noisy import Noising
from sonant.data.noisy.measure import measure, verify
from sonant.data.noisy.mixer import NoisyMixer
from sonant.data.noisy.recipe import from_row, to_row
from sonant.errors import DataError


@pytest.fixture
def mixer(voices_corpus, noise_corpus, rows_of):
    def make(seed: int = 1, side: str = "train", noise: bool = True, **changes) -> NoisyMixer:
        where = {"noise_corpus": str(noise_corpus.path)} if noise else {}
        cfg = Noising.model_validate({"item_s": 1.5, "noise_only_p": 0, "clean_only_p": 0, **where, **changes})
        return NoisyMixer(voices_corpus, rows_of(voices_corpus, side), cfg, split=side, seed=seed)

    return make


def test_recipes_depend_on_seed_side_epoch_and_number_alone(mixer) -> None:
    first, again = mixer(), mixer()
    recipes = [first.recipe(epoch, index) for epoch in (0, 1) for index in range(5)]
    # In another order, by another mixer.
    assert [again.recipe(epoch, index) for epoch in (1, 0) for index in range(5)] == recipes[5:] + recipes[:5]
    assert len({recipe.pieces for recipe in recipes}) == 10
    assert mixer(seed=2).recipe(0, 0) != recipes[0]
    assert all(np.array_equal(a, b) for a, b in zip(first.render(recipes[0]), again.render(recipes[0]), strict=True))
    assert from_row(to_row(recipes[0])) == recipes[0]


def test_everything_that_is_asked_for_is_drawn_and_holds(mixer) -> None:
    made = mixer(
        snr_db=[-10, 30], noises=[1, 3], noise_only_p=0.2, clean_only_p=0.2, room_p=0.5, band_limit_p=0.5, clip_p=0.5,
        codec_p=0.5,
    )  # fmt: skip
    recipes = [made.recipe(0, index) for index in range(120)]
    for recipe in recipes:
        verify(made.render(recipe), recipe)
        if recipe.pieces and recipe.noises:
            assert measure(made.render(recipe)).snr_db == pytest.approx(recipe.snr_db, abs=1e-3)
    ratios = [recipe.snr_db for recipe in recipes if np.isfinite(recipe.snr_db)]
    assert -10 <= min(ratios) < -5
    assert 25 < max(ratios) <= 30
    assert {len(recipe.noises) for recipe in recipes if recipe.noises} == {1, 2, 3}
    for share in (
        [not recipe.pieces for recipe in recipes],
        [not recipe.noises for recipe in recipes],
        [recipe.band_hz is None for recipe in recipes],
        [recipe.clip_db is None for recipe in recipes],
        [recipe.codec is None for recipe in recipes],
        [recipe.room is None for recipe in recipes],
    ):
        assert 0.05 < np.mean(share) < 0.75
    alone = {round(recipe.level_dbfs) for recipe in recipes if not recipe.pieces}
    assert len(alone) > 5
    for recipe in recipes:
        if not recipe.noises:
            assert (recipe.room, recipe.clip_db, recipe.codec) == (None, None, None)


def test_recordings_of_one_speaker_follow_one_another(mixer, voices_corpus) -> None:
    made = mixer(item_s=3.0, gap_s=[0.1, 0.2])
    speaker_R = voices_corpus.column("speaker")
    for index in range(30):
        recipe = made.recipe(0, index)
        assert {speaker_R[row] for row in recipe.rows} == {recipe.speaker}
        assert len(recipe.pieces) > 1
        for before, after in zip(recipe.pieces, recipe.pieces[1:], strict=False):
            gap = after.begin - before.begin - before.cut.samples
            assert 1599 <= gap <= 3201
        last = recipe.pieces[-1]
        assert recipe.samples == 48_000 >= last.begin + last.cut.samples > 48_000 - 0.7 * 16_000
        assert 0 <= recipe.pieces[0].begin <= 3200


def test_long_recordings_are_cut_where_somebody_speaks(make_corpus) -> None:
    generator = np.random.default_rng(0)
    pcm_N = np.clip(generator.standard_normal(160_000) * 3, -9, 9)
    pcm_N[90_000:110_000] = generator.standard_normal(20_000) * 3000
    corpus = make_corpus([{"speaker": "a"}], pcm=[pcm_N.astype(np.int16)])
    cfg = Noising(item_s=1.0, trim_db=None, noise_only_p=0.0, clean_only_p=0.0)
    made = NoisyMixer(corpus, np.arange(1), cfg, split="train", seed=0)
    for index in range(20):
        recipe = made.recipe(0, index)
        (piece,) = recipe.pieces
        assert sum(stretch.end - stretch.first for stretch in piece.speech) >= 0.3 * 16_000
        # What is marked is where it is loud.
        loud_N = np.abs(made.render(recipe).clean_N) > 0.1 * np.abs(made.render(recipe).clean_N).max()
        assert loud_N[made.render(recipe).active_N].mean() > 0.3
        assert not loud_N[~made.render(recipe).active_N].any()


def test_whole_recordings_are_never_cut(mixer, voices_corpus) -> None:
    made = mixer(item_s=1.2, whole=True, trim_db=None)
    assert made.window is None
    for index in range(20):
        recipe = made.recipe(0, index)
        for piece in recipe.pieces:
            assert (piece.cut.first, piece.cut.samples) == (0, voices_corpus.samples_R[piece.cut.row])
        last = recipe.pieces[-1]
        assert recipe.samples == max(19_200, last.begin + last.cut.samples)


def test_a_grid_of_ratios_has_the_same_speech_and_noise_at_each(mixer) -> None:
    made = mixer(snr_levels_db=[0, 10, 20])
    recipes = [made.recipe(0, index) for index in range(9)]
    assert [recipe.snr_db for recipe in recipes] == [0, 10, 20] * 3
    for number in range(3):
        assert len({recipe.pieces + recipe.noises for recipe in recipes[3 * number : 3 * number + 3]}) == 1
    assert len({recipe.pieces for recipe in recipes}) == 3


def test_noise_that_is_silent_while_somebody_speaks_is_not_taken(make_corpus, tmp_path) -> None:
    """One recording of noise has a bang at its end only; most of it is faint."""
    generator = np.random.default_rng(0)
    bang_N = generator.integers(1, 3, 16_000)
    bang_N[-800:] = generator.integers(5000, 9000, 800)
    noise = make_corpus([{}, {}], pcm=[bang_N.astype(np.int16), generator.integers(-900, 900, 16_000).astype(np.int16)],
                        name="noise")  # fmt: skip
    speech_N = generator.integers(1, 3000, 14_000).astype(np.int16)
    speech = make_corpus([{"speaker": "a"}], pcm=[speech_N], name="speech")
    cfg = Noising(item_s=1.0, noise_corpus=str(noise.path), noise_only_p=0, clean_only_p=0, noises=(1, 1), gap_s=(0, 0))
    made = NoisyMixer(speech, np.arange(1), cfg, split="train", seed=0)
    heard = [made.recipe(0, index) for index in range(40)]
    peaks = [np.abs(made.render(recipe).noise_N).max() / np.abs(made.render(recipe).speech_N).max() for recipe in heard]
    assert max(peak * 10 ** (recipe.snr_db / 20) for peak, recipe in zip(peaks, heard, strict=True)) < 20


def test_speech_without_speakers_is_each_for_itself(make_corpus) -> None:
    corpus = make_corpus([{}] * 5, length=8000)
    made = NoisyMixer(corpus, np.arange(5), Noising(item_s=1.0), split="train", seed=0)
    assert {recipe.speaker for recipe in map(lambda n: made.recipe(0, n), range(60))} - {""} == {
        f"c{n}" for n in range(5)
    }
    with pytest.raises(DataError, match="no speech on one side"):
        NoisyMixer(corpus, np.arange(5), Noising(min_s=0.6), split="train", seed=0)


def test_silent_recordings_say_nothing(make_corpus) -> None:
    corpus = make_corpus([{"speaker": "a"}] * 2, pcm=[np.zeros(8000, np.int16)] * 2)
    made = NoisyMixer(corpus, np.arange(2), Noising(noise_only_p=0.0), split="train", seed=0)
    with pytest.raises(DataError, match="had nothing to say"):
        made.recipe(0, 0)
