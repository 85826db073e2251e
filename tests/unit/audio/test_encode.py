"""Files that are sent: every sample is in them."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.audio.decode import decode
from sonant.audio.encode import FileFormat, encode
from sonant.errors import AudioError

RATE_HZ = 16_000


@pytest.mark.parametrize("samples", [1, 100, 16_383, 16_385, 400_000])
@pytest.mark.parametrize("form", ["wav", "flac", "ogg"])
def test_a_file_holds_what_went_in(form: FileFormat, samples: int) -> None:
    wav_N = (0.3 * np.sin(0.05 * np.arange(samples))).astype(np.float32)
    heard_N = decode(encode(wav_N, RATE_HZ, form), rate_hz=RATE_HZ, max_s=60)
    assert len(heard_N) == samples
    if samples > 1:
        assert np.abs(heard_N - wav_N).max() < (0.05 if form == "ogg" else 1 / 32768)


@pytest.mark.parametrize("form", ["wav", "flac", "ogg"])
def test_what_is_too_loud_is_clipped(form: FileFormat) -> None:
    wav_N = np.where(np.arange(8000) % 200 < 100, 3.0, -3.0).astype(np.float32)
    heard_N = decode(encode(wav_N, RATE_HZ, form), rate_hz=RATE_HZ, max_s=60)
    assert 0.9 < np.median(np.abs(heard_N)) <= 1.0
    assert np.mean(np.sign(heard_N) == np.sign(wav_N)) > 0.99


@pytest.mark.parametrize("form", ["wav", "flac", "ogg"])
def test_what_is_no_number_is_refused(form: FileFormat) -> None:
    with pytest.raises(AudioError) as caught:
        encode(np.array([0.0, np.nan], np.float32), RATE_HZ, form)
    assert caught.value.code == "audio.not_finite"
