import numpy as np

from sonant.track.spectrogram import decibels, image, wave_image


def test_a_tone_is_a_line_at_its_pitch() -> None:
    wav = 0.5 * np.sin(2 * np.pi * 2000 * np.arange(16000) / 16000)
    level_FT = decibels(wav, 16000)
    assert level_FT.shape == (201, 98)
    assert set(level_FT.argmax(axis=0)) == {50}  # bins are 40 Hz apart
    assert level_FT.max() == 0.0
    assert level_FT.min() == -80.0


def test_pictures_have_low_pitches_at_the_bottom() -> None:
    low = image(0.5 * np.sin(2 * np.pi * 400 * np.arange(8000) / 16000), 16000)
    assert low.dtype == np.uint8
    assert low.shape == (201, 48, 3)
    assert low.sum(axis=(1, 2)).argmax() == 200 - 10


def test_silence_and_snippets_are_drawn_too() -> None:
    assert image(np.zeros(1600, np.float32), 16000).shape == (201, 8, 3)
    assert image(np.zeros(3, np.float32), 16000).shape == (201, 1, 3)


def test_waves_are_drawn_from_their_lowest_to_their_highest_sample() -> None:
    wav = np.zeros(4800, np.float32)
    wav[2400:] = 1.0
    dark_HW = wave_image(wav, height=97)[..., 0] < 128
    assert dark_HW.shape == (97, 480)
    assert np.flatnonzero(dark_HW[:, 10]).tolist() == [48]
    assert np.flatnonzero(dark_HW[:, 400]).tolist() == [0]
