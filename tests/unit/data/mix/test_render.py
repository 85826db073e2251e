"""The sound of recipes that are written by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sonant.data.mix import Cut, Noise, Recipe, Room, Voice, render
from sonant.data.mix.measure import measure, verify
from sonant.errors import DataError


def hand(**changes) -> Recipe:
    """a speaks from 0 to 0.5 s, c, 6 dB softer, from 0.25 to 0.75 s."""
    voices = (Voice(Cut(2, "a2", 10, 8000), "a", 0, 0.0), Voice(Cut(12, "c0", 0, 8000), "c", 4000, 6.0))
    told = Recipe("x", "train", "a", True, voices, (Cut(3, "a3", 5, 6000),), 0.5, 12_000, -30.0, -25.0)
    return replace(told, **changes)


def rms_db(wav_N) -> float:
    return 10 * np.log10(np.mean(np.square(wav_N, dtype=np.float64)))


def test_by_hand(voices_corpus) -> None:
    made = render(hand(), voices_corpus)
    clip_N = voices_corpus.read(2)[10:8010] / 32768
    assert rms_db(made.target_N[:8000]) == pytest.approx(-30, abs=1e-3)
    assert np.allclose(made.target_N[:8000], clip_N * (made.target_N[0] / clip_N[0]), rtol=1e-4, atol=1e-7)
    assert not made.target_N[8000:].any()
    assert rms_db(made.others_KN[0, 4000:]) == pytest.approx(-36, abs=1e-3)
    assert not made.others_KN[0, :4000].any()
    assert np.array_equal(made.mix_N, made.target_N + made.others_KN[0])
    assert rms_db(made.ref_R) == pytest.approx(-25, abs=1e-3)
    assert measure(made, hand()).snr_db == pytest.approx([6.0], abs=1e-3)
    assert measure(made, hand()).overlap == pytest.approx([0.5], abs=1e-9)


def test_an_absent_speaker_leaves_no_target_and_the_same_mixture(voices_corpus) -> None:
    absent = hand(speaker="e", present=False)
    made, other = render(absent, voices_corpus), render(hand(), voices_corpus)
    assert not made.target_N.any()
    assert made.others_KN.shape == (2, 12_000)
    assert np.array_equal(made.mix_N, other.mix_N)
    verify(made, absent)


def test_what_would_clip_is_turned_down_together(voices_corpus) -> None:
    loud = hand(level_dbfs=6.0, reference_dbfs=10.0)
    made = render(loud, voices_corpus)
    assert np.abs(made.mix_N).max() == pytest.approx(0.99, abs=1e-3)
    assert np.abs(made.ref_R).max() == pytest.approx(0.99, abs=1e-3)
    verify(made, loud)


def test_noise_from_a_recording_goes_round_and_made_noise_is_coloured(voices_corpus, noise_corpus) -> None:
    recorded = hand(noise=Noise(Cut(0, "n0", 60, 1000), 0, 0.0, 10.0))
    made = render(recorded, voices_corpus, noise_corpus)
    assert np.allclose(made.noise_N[:1000], made.noise_N[1000:2000])
    assert measure(made, recorded).noise_snr_db == pytest.approx(10, abs=1e-2)
    brown = hand(noise=Noise(None, 7, 2.0, 0.0))
    made = render(brown, voices_corpus)
    verify(made, brown)
    power_F = np.abs(np.fft.rfft(made.noise_N)) ** 2
    assert power_F[:600].sum() > 20 * power_F[600:].sum()


def test_a_room_rings_on_and_keeps_the_ratios(voices_corpus) -> None:
    room = hand(room=Room(3, 0.4), reference_room=Room(4, 0.2))
    made, dry = render(room, voices_corpus), render(hand(), voices_corpus)
    verify(made, room)
    assert rms_db(made.target_N[8000:9000]) > -60
    assert not np.allclose(made.ref_R, dry.ref_R, atol=1e-3)
    assert all(np.array_equal(a, b) for a, b in zip(made, render(room, voices_corpus), strict=True))
    other = render(hand(room=Room(9, 0.4)), voices_corpus)
    assert not np.allclose(other.mix_N, made.mix_N, atol=1e-4)


def test_a_mixture_that_is_not_its_recipe_is_found_out(voices_corpus) -> None:
    recipe = hand()
    made = render(recipe, voices_corpus)
    louder = made._replace(others_KN=1.02 * made.others_KN)
    for wrong, says in (
        (louder, "0.17 dB off"),
        (made._replace(mix_N=made.mix_N + 0.001), "not the sum"),
        (
            made._replace(others_KN=np.roll(made.others_KN, -1), mix_N=made.target_N + np.roll(made.others_KN[0], -1)),
            "outside",
        ),
    ):
        with pytest.raises(DataError, match=says):
            verify(wrong, recipe)
