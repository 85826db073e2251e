"""Resampling keeps the sound, and chunks do not show."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.audio.resample import StreamResampler, resample

RATES = [(48_000, 16_000), (44_100, 16_000), (8_000, 16_000), (16_000, 48_000), (22_050, 8_000), (16_000, 16_000)]


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
@pytest.mark.parametrize("longest", [2, 37, 1_000, 20_000])
def test_chunks_equal_the_whole(from_hz, to_hz, longest, sound):
    wav_N = sound(0.7, from_hz)[:, 0]
    rng = np.random.default_rng(longest)
    stream = StreamResampler(from_hz, to_hz)
    parts, at = [], 0
    while at < len(wav_N):
        size = int(rng.integers(0, longest))
        parts.append(stream.push(wav_N[at : at + size]))
        at += size
    got_N = np.concatenate([*parts, stream.flush()])
    assert np.array_equal(got_N, resample(wav_N, from_hz, to_hz))


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_a_tone_stays_a_tone_in_place(from_hz, to_hz):
    seconds, hz = 1.0, 1_000
    tone_N = np.sin(2 * np.pi * hz * np.arange(int(seconds * from_hz)) / from_hz).astype(np.float32)
    want_N = np.sin(2 * np.pi * hz * np.arange(int(seconds * to_hz)) / to_hz)
    got_N = resample(tone_N, from_hz, to_hz)
    assert got_N.dtype == np.float32
    assert len(got_N) == len(want_N)
    assert np.abs(got_N - want_N)[2_000:-2_000].max() < 1e-3


def test_what_the_lower_rate_cannot_hold_is_removed():
    tone_N = np.sin(2 * np.pi * 11_000 * np.arange(48_000) / 48_000).astype(np.float32)
    assert np.abs(resample(tone_N, 48_000, 16_000)[1_000:-1_000]).max() < 1e-3


def test_equal_rates_pass_through():
    wav_N = np.arange(5, dtype=np.float32)
    stream = StreamResampler(16_000, 16_000)
    assert resample(wav_N, 16_000, 16_000) is wav_N
    assert stream.push(wav_N) is wav_N
    assert len(stream.flush()) == 0


def test_a_live_stream_lags_by_milliseconds(sound):
    wav_N = sound(1.0, 48_000)[:, 0]
    stream = StreamResampler(48_000, 16_000)
    given = 0
    for start in range(0, len(wav_N), 480):
        given += len(stream.push(wav_N[start : start + 480]))
        assert given >= (start + 480) / 3 - 0.05 * 16_000
