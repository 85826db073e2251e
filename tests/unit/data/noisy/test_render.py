"""The sound of recipes that are written by hand, and what is measured of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sonant.data.noisy import render as rendering
from sonant.data.noisy.measure import measure, verify
from sonant.data.noisy.recipe import Noise, Piece, Recipe, Stretch
from sonant.data.noisy.render import render
from sonant.data.recipes.parts import Cut, Room
from sonant.errors import DataError

INF = float("inf")


def hand(**changes) -> Recipe:
    """a speaks from 0 to 0.4 s, with a pause, over noise that is heard all the time."""
    pieces = (Piece(Cut(2, "a2", 10, 6400), 0, (Stretch(0, 2000), Stretch(3000, 6400))),)
    noises = (Noise(Cut(20, "n20", 60, 9000), 0, 0.0, 0.0),)
    return replace(Recipe("x", "train", "a", pieces, noises, 12_000, 5.0, -30.0), **changes)


def rms_db(wav_N) -> float:
    return 10 * np.log10(np.mean(np.square(wav_N, dtype=np.float64)))


SPOKEN = np.r_[0:2000, 3000:6400]


@pytest.mark.parametrize("snr_db", [-10.0, -3.3, 0.0, 5.0, 30.0])
def test_the_ratio_holds_where_somebody_speaks(voices_corpus, noise_corpus, snr_db: float) -> None:
    recipe = hand(snr_db=snr_db)
    made = render(recipe, voices_corpus, noise_corpus)
    # By hand, from the two files that a user gets.
    assert rms_db(made.clean_N[SPOKEN]) - rms_db((made.noisy_N - made.clean_N)[SPOKEN]) == pytest.approx(
        snr_db, abs=1e-3
    )
    assert measure(made).snr_db == pytest.approx(snr_db, abs=1e-3)
    assert rms_db(made.clean_N[SPOKEN]) == pytest.approx(-30, abs=1e-3)
    verify(made, recipe)
    # Not the same over the whole item: pauses do not count.
    assert abs(rms_db(made.clean_N) - rms_db(made.noise_N) - snr_db) > 1


@pytest.mark.parametrize("wrong", ["half", "whole"])
def test_a_broken_formula_is_found_out(voices_corpus, noise_corpus, monkeypatch, wrong: str) -> None:
    """The gain of the old tool (true ratio half of the label), and a ratio over all samples."""
    right = rendering._noise_gain

    def half(recipe, *waves) -> float:
        return float(np.sqrt(right(recipe, *waves)))

    def whole(recipe, speech_N, noise_N, active_N) -> float:
        return right(recipe, speech_N, noise_N, np.ones_like(active_N))

    monkeypatch.setattr(rendering, "_noise_gain", {"half": half, "whole": whole}[wrong])
    recipe = hand()
    with pytest.raises(DataError, match=r"dB of speech to noise, not 5\.000"):
        verify(render(recipe, voices_corpus, noise_corpus), recipe)


def test_several_noises_sound_at_their_levels(voices_corpus, noise_corpus) -> None:
    second = Noise(None, 3, 1.0, -6.0)
    both = hand(noises=(*hand().noises, second))
    made = render(both, voices_corpus, noise_corpus)
    verify(made, both)
    one_N = render(hand(), voices_corpus, noise_corpus).noise_N
    share = float(np.dot(made.noise_N, one_N) / np.dot(one_N, one_N))
    rest_N = made.noise_N - share * one_N
    assert rms_db(share * one_N) - rms_db(rest_N) == pytest.approx(6, abs=0.1)


def test_noise_alone_and_clean_speech_alone(voices_corpus, noise_corpus) -> None:
    noise = hand(pieces=(), speaker="", snr_db=-INF, level_dbfs=-42.0)
    made = render(noise, voices_corpus, noise_corpus)
    assert not made.clean_N.any()
    assert rms_db(made.noisy_N) == pytest.approx(-42, abs=1e-3)
    verify(made, noise)
    clean = hand(noises=(), snr_db=INF)
    made = render(clean, voices_corpus)
    assert np.array_equal(made.noisy_N, made.clean_N)
    assert made.clean_N.any()
    verify(made, clean)


def test_the_target_keeps_early_reflections_only(voices_corpus, noise_corpus) -> None:
    room = hand(room=Room(3, 0.5), early_ms=50.0)
    made, dry = render(room, voices_corpus, noise_corpus), render(hand(), voices_corpus, noise_corpus)
    verify(made, room)
    assert measure(made).snr_db == pytest.approx(5, abs=1e-3)
    # Speech ends at 6400: 50 ms later the target is silent, the room is not.
    assert not np.abs(made.clean_N[6400 + 900 :]).max() > 1e-6
    assert rms_db(made.speech_N[6400 + 900 : 6400 + 2400]) > -75
    assert not np.allclose(made.clean_N[:6400], dry.clean_N[:6400], atol=1e-4)
    direct = render(replace(room, early_ms=0.0), voices_corpus, noise_corpus).clean_N
    # The direct sound alone is the dry speech, and it is in step with it.
    assert np.corrcoef(direct[:6400], dry.clean_N[:6400])[0, 1] == pytest.approx(1, abs=1e-5)


def test_a_line_spoils_the_noisy_side(voices_corpus, noise_corpus) -> None:
    dry = render(hand(), voices_corpus, noise_corpus)
    clipped = hand(clip_db=6.0)
    made = render(clipped, voices_corpus, noise_corpus)
    verify(made, clipped)
    assert measure(made).clip_db == pytest.approx(6, abs=1e-3)
    assert np.array_equal(made.clean_N, dry.clean_N)
    for codec in ("mulaw", "g722", "mp3"):
        coded = hand(codec=codec)
        made = render(coded, voices_corpus, noise_corpus)
        verify(made, coded)
        assert np.array_equal(made.clean_N, dry.clean_N)
        assert not np.array_equal(made.noisy_N, dry.noisy_N)
        assert np.corrcoef(made.noisy_N, dry.noisy_N)[0, 1] > 0.6
    narrow = hand(band_hz=3400.0)
    made = render(narrow, voices_corpus, noise_corpus)
    verify(made, narrow)
    for wav_N in (made.noisy_N, made.clean_N):
        power_F = np.abs(np.fft.rfft(wav_N)) ** 2
        assert power_F[3000:].sum() < 1e-4 * power_F.sum()


def test_what_would_clip_is_turned_down_together(voices_corpus, noise_corpus) -> None:
    loud = hand(level_dbfs=0.0)
    made = render(loud, voices_corpus, noise_corpus)
    assert np.abs(made.noisy_N).max() == pytest.approx(0.99, abs=1e-5)
    assert measure(made).snr_db == pytest.approx(5, abs=1e-3)
    verify(made, loud)


def test_items_that_are_not_their_recipe_are_found_out(voices_corpus, noise_corpus) -> None:
    recipe, clean, alone = hand(), hand(noises=(), snr_db=INF), hand(pieces=(), speaker="", snr_db=-INF)
    made = render(recipe, voices_corpus, noise_corpus)
    gap_N = made.noise_N.copy()
    gap_N[7000:10_000] = 0
    quiet = render(hand(level_dbfs=-31.0), voices_corpus, noise_corpus)
    only = render(alone, voices_corpus, noise_corpus)
    for wrong, of, says in (
        (made._replace(noisy_N=np.roll(made.noisy_N, 1)), recipe, "not the sum"),
        (made._replace(noise_N=gap_N, noisy_N=made.speech_N + gap_N), recipe, "has a gap"),
        (made._replace(clean_N=0.9 * made.clean_N), recipe, "target is not the speech"),
        (quiet, recipe, r"a level of -31\.000 dBFS"),
        (made, hand(clip_db=3.0), "peaks are cut by 0.000"),
        (made, clean, "speech to noise"),
        (only._replace(clean_N=only.noisy_N), alone, "speech in noise alone"),
    ):
        with pytest.raises(DataError, match=says):
            verify(wrong, of)
