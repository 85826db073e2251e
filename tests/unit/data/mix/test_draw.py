"""Any recipe, whatever the seed and the config: honest references, exact ratios, exact lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonant.config.mix import Mixing
from sonant.data.mix.leaks import check_recipes
from sonant.data.mix.measure import measure, verify
from sonant.data.mix.mixer import Mixer
from sonant.errors import DataError

SHORT: dict[str, Any] = {"mix_s": 1.0, "min_s": 0.2, "reference_s": (0.3, 1.0), "trim_db": None}
ENDLESS = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def mixer(corpus, rows_of, split: str = "train", seed: int = 0, **changes: Any) -> Mixer:
    cfg = Mixing.model_validate({**SHORT, **changes})
    return Mixer(corpus, rows_of(corpus, split), cfg, split=split, seed=seed)


@ENDLESS
@given(
    seed=st.integers(0, 2**40),
    index=st.integers(0, 10**6),
    interferers=st.tuples(st.integers(0, 2), st.integers(2, 3)),
    overlap=st.tuples(st.floats(0, 0.5), st.floats(0.5, 1)),
    absent_p=st.sampled_from([0.0, 0.5, 1.0]),
    noise_p=st.sampled_from([0.0, 1.0]),
    mix_s=st.sampled_from([0.7, 1.0, None]),
)
def test_any_recipe_is_what_it_says(voices_corpus, rows_of, seed, index, **changes: Any) -> None:
    made = mixer(voices_corpus, rows_of, seed=seed, **changes)
    recipe = made.recipe(3, index)
    assert recipe == mixer(voices_corpus, rows_of, seed=seed, **changes).recipe(3, index)
    rendered = made.render(recipe)
    speaker_R, session_R = voices_corpus.column("speaker"), voices_corpus.column("session")

    # References: the wanted speaker, another chapter, never the recording itself.
    (reference,) = recipe.references
    assert speaker_R[reference.row] == recipe.speaker
    assert 0.3 * 16_000 <= reference.samples <= 16_000
    assert rendered.ref_R.shape == (reference.samples,)
    if recipe.present:
        lead = recipe.voices[0].cut
        assert speaker_R[lead.row] == recipe.speaker
        assert session_R[reference.row] != session_R[lead.row]
    check_recipes([recipe], voices_corpus)

    # Who speaks: as many as were asked for, all different.
    assert 1 + changes["interferers"][0] <= len(recipe.voices) <= 1 + changes["interferers"][1]
    assert len({voice.speaker for voice in recipe.voices}) == len(recipe.voices)
    assert (recipe.speaker in {voice.speaker for voice in recipe.voices}) == recipe.present
    assert rendered.target_N.any() == recipe.present

    # Lengths: inside the window, nothing before the first voice or after the last.
    assert rendered.mix_N.shape == (recipe.samples,)
    assert rendered.mix_N.dtype == rendered.ref_R.dtype == np.float32
    if changes["mix_s"] is not None:
        assert recipe.samples <= changes["mix_s"] * 16_000
    assert min(voice.begin for voice in recipe.voices) == 0
    assert max(voice.end for voice in recipe.voices) == recipe.samples
    assert len({voice.cut.samples for voice in recipe.voices}) == 1

    # Ratios, by hand.
    verify(rendered, recipe)
    measured = measure(rendered, recipe)
    waves = [rendered.target_N, *rendered.others_KN] if recipe.present else [*rendered.others_KN]
    energy = [float((wav_N.astype(np.float64) ** 2).sum()) for wav_N in waves]
    for number, voice in enumerate(recipe.voices[1:], 1):
        assert 10 * np.log10(energy[0] / energy[number]) == pytest.approx(voice.snr_db, abs=0.01)
        assert -5 <= voice.snr_db <= 5
    assert measured.overlap == pytest.approx([recipe.overlap] * (len(recipe.voices) - 1), abs=2 / (0.2 * 16_000))
    if recipe.noise is not None:
        power = np.mean(rendered.noise_N.astype(np.float64) ** 2)
        own = energy[0] / recipe.voices[0].cut.samples
        assert 10 * np.log10(own / power) == pytest.approx(recipe.noise.snr_db, abs=0.01)
    assert np.abs(rendered.mix_N).max() <= 0.9901
    assert np.allclose(rendered.mix_N, np.sum([*waves, rendered.noise_N], axis=0), atol=1e-6)


def test_other_numbers_give_other_mixtures(voices_corpus, rows_of) -> None:
    made = mixer(voices_corpus, rows_of)
    several = [made.recipe(epoch, index) for epoch in range(2) for index in range(20)]
    several += [mixer(voices_corpus, rows_of, seed=1).recipe(0, index) for index in range(20)]
    assert len({(recipe.voices, recipe.references) for recipe in several}) == 60
    assert {recipe.speaker for recipe in several} == set("abcdefg")


def test_a_share_is_absent_and_another_voice_is_in_its_place(voices_corpus, rows_of) -> None:
    made = mixer(voices_corpus, rows_of, absent_p=0.3)
    recipes = [made.recipe(0, index) for index in range(400)]
    assert sum(not recipe.present for recipe in recipes) == pytest.approx(120, abs=30)
    assert {len(recipe.voices) for recipe in recipes} == {2}


def test_every_side_hears_its_own_speakers_only(voices_corpus, rows_of) -> None:
    recipes = [
        mixer(voices_corpus, rows_of, split, absent_p=0.0).recipe(0, index)
        for split in ("train", "validation", "test")
        for index in range(40)
    ]
    check_recipes(recipes, voices_corpus)
    heard = {split: set() for split in ("train", "validation", "test")}
    for recipe in recipes:
        heard[recipe.split] |= recipe.speakers
    assert (heard["validation"], heard["test"]) == ({"i", "j"}, {"k", "l"})
    # Whoever has one recording only is heard, but never wanted.
    assert "h" in heard["train"]
    assert "h" not in {recipe.speaker for recipe in recipes}


def test_references_where_a_speaker_has_one_session(voices_corpus, rows_of, make_corpus) -> None:
    rows = [{"speaker": "ab"[number % 2], "session": "ab"[number % 2], "split": "train"} for number in range(8)]
    corpus = make_corpus(rows, length=16_000)
    for enrolment in ("session_if_any", "recording"):
        recipe = mixer(corpus, rows_of, enrolment=enrolment, absent_p=0).recipe(0, 0)
        assert recipe.references[0].row != recipe.voices[0].cut.row
    with pytest.raises(DataError, match="2 speakers, 0 of them with a reference"):
        mixer(corpus, rows_of, enrolment="session", absent_p=0)


def test_parts_and_copies_of_a_recording_are_no_references(make_corpus, rows_of) -> None:
    wave = np.arange(1, 16_001, dtype=np.int16)
    rows = [{"speaker": speaker, "split": "train"} for speaker in "aaab"]
    corpus = make_corpus(rows, pcm=[wave, wave, wave[::-1].copy(), wave + 1])
    made = mixer(corpus, rows_of, absent_p=0)
    assert [made.pool.references(row) for row in range(3)] == [[2], [2], [0, 1]]


def test_several_references_follow_each_other_at_one_level(voices_corpus, rows_of) -> None:
    made = mixer(voices_corpus, rows_of, references=(3, 3), level_dbfs=(-30, -30), absent_p=0)
    recipe = made.recipe(0, 1)
    assert len({cut.row for cut in recipe.references}) == 3
    ref_R = made.render(recipe).ref_R
    assert ref_R.size == sum(cut.samples for cut in recipe.references)
    first = ref_R[: recipe.references[0].samples]
    assert 20 * np.log10(np.sqrt(np.mean(first**2))) == pytest.approx(-30, abs=0.01)


def test_pauses_are_not_cut_out_and_ends_are_trimmed(make_corpus, rows_of) -> None:
    """A second of speech in the middle of four of near silence: that second is heard."""
    waves = []
    for seed in range(4):
        wave = np.random.default_rng(seed).integers(1, 4, 64_000).astype(np.int16)
        wave[24_000:40_000] *= 3000
        waves.append(wave)
    corpus = make_corpus([{"speaker": "aabb"[row], "split": "train"} for row in range(4)], pcm=waves)
    for trim_db in (None, 20.0):
        made = mixer(corpus, rows_of, trim_db=trim_db, mix_s=0.5, overlap=(1, 1), absent_p=0)
        for index in range(20):
            cut = made.recipe(0, index).voices[0].cut
            assert np.abs(corpus.read(cut.row)[cut.first : cut.first + cut.samples]).max() > 1000
            if trim_db:
                assert cut.first >= 24_000 - 800
                assert cut.first + cut.samples <= 40_000 + 800


def test_what_cannot_be_drawn_is_told(voices_corpus, rows_of) -> None:
    with pytest.raises(DataError, match="2 speakers, 2 of them"):
        mixer(voices_corpus, rows_of, "test", absent_p=0.5)
    with pytest.raises(DataError, match="100 draws gave no mixture"):
        mixer(voices_corpus, rows_of, min_s=0.9, mix_s=1.0, overlap=(0, 0), absent_p=0).recipe(0, 0)
