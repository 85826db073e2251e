"""Speech put in place, and noise that goes round."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.data.noisy.recipe import Noise, Piece, Stretch
from sonant.data.noisy.sound import active, looped, noise_sound, speech_sound
from sonant.data.recipes.parts import Cut


def test_pieces_are_equally_loud_while_they_speak(voices_corpus) -> None:
    pieces = (
        Piece(Cut(2, "a2", 10, 8000), 100, (Stretch(100, 4000), Stretch(5000, 8100))),
        Piece(Cut(12, "c0", 0, 6000), 9000, (Stretch(9000, 15_000),)),
    )
    wav_N, active_N = speech_sound(pieces, voices_corpus, 16_000), active(pieces, 16_000)
    assert active_N.sum() == 3900 + 3100 + 6000
    for piece in pieces:
        spoken_N = wav_N[active([piece], 16_000)]
        assert np.mean(spoken_N.astype(np.float64) ** 2) == pytest.approx(1, rel=1e-5)
    assert not wav_N[:100].any()
    assert not wav_N[8100:9000].any()
    assert not wav_N[15_000:].any()
    clip_N = voices_corpus.read(2)[10:8010].astype(np.float64)
    assert np.allclose(wav_N[100:8100] / wav_N[100], clip_N / clip_N[0], rtol=1e-4)


@pytest.mark.parametrize("samples", [1, 3, 50, 1000, 3999])
def test_noise_goes_round_without_gap_or_click(samples: int) -> None:
    time_M = np.arange(samples)
    wav_M = (1 + 0.5 * np.sin(time_M / 40)).astype(np.float32)
    long_N = looped(wav_M, 4000)
    assert long_N.size == 4000
    assert long_N.dtype == np.float32
    assert long_N.min() > 0.3
    # A smooth wave stays smooth where it goes round.
    assert np.abs(np.diff(long_N)).max() < (0.06 if samples > 900 else 1.2)
    assert np.array_equal(long_N[: samples - min(320, samples // 4)], wav_M[: samples - min(320, samples // 4)])


def test_loops_of_noise_keep_their_power_at_the_seam() -> None:
    generator = np.random.default_rng(0)
    long_KN = np.stack([looped(generator.standard_normal(2000).astype(np.float32), 4000) for _ in range(200)])
    seam, rest = np.mean(long_KN[:, 1680:2000] ** 2), np.mean(long_KN[:, 320:1680] ** 2)
    assert seam == pytest.approx(rest, rel=0.05)
    wav_M = long_KN[0, :2000]
    assert np.array_equal(looped(wav_M, 1500), wav_M[:1500])


def test_a_recording_is_read_where_the_recipe_says(noise_corpus) -> None:
    noise = Noise(Cut(20, "n20", 100, 3000), 0, 0.0, 0.0)
    assert np.array_equal(noise_sound(noise, noise_corpus, 3000) * 32768, noise_corpus.read(20)[100:3100])
    made = Noise(None, 5, 1.0, 0.0)
    assert np.array_equal(noise_sound(made, None, 3000), noise_sound(made, noise_corpus, 3000))
