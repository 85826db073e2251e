"""WAV files that we write are read back to the bit, by ourselves and by others."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from sonant.audio.decode import decode
from sonant.audio.samples import mono, to_float, to_int16
from sonant.audio.wav import encode_wav
from sonant.errors import AudioError


def test_every_int16_survives():
    pcm_N = np.arange(-32_768, 32_768, dtype=np.int16)
    wav_N = to_float(pcm_N)
    assert wav_N.dtype == np.float32
    assert np.array_equal(to_int16(wav_N), pcm_N)
    assert np.array_equal(decode(encode_wav(wav_N, 16_000), rate_hz=16_000, max_s=5), wav_N)


def test_the_header_says_what_is_inside():
    with wave.open(io.BytesIO(encode_wav(np.zeros(160), 22_050))) as file:
        assert file.getparams()[:4] == (1, 2, 22_050, 160)


def test_rounding_and_clipping():
    wav_N = np.array([0.4, 0.6, -0.6, 40_000, -40_000]) / 32_768
    assert to_int16(wav_N).tolist() == [0, 1, -1, 32_767, -32_768]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite_is_refused(bad):
    for work in (lambda: encode_wav(np.array([bad]), 16_000), lambda: mono(np.array([[0.0, bad]], np.float32))):
        with pytest.raises(AudioError) as caught:
            work()
        assert caught.value.code == "audio.not_finite"


def test_mono_is_the_mean_of_what_is_in_range():
    assert mono(np.array([[0.5, -0.25], [5.0, 0.0]], np.float32)).tolist() == [0.125, 0.5]
