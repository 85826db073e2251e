"""What a line does to sound."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.data.noisy.line import band_limited, mulaw, overdriven

WAV_N = np.random.default_rng(0).uniform(-0.8, 0.8, 16_000).astype(np.float32)


def test_a_narrow_line_loses_what_is_above_and_nothing_below() -> None:
    time_N = np.arange(16_000) / 16_000
    low_N, high_N = (np.sin(2 * np.pi * hz * time_N).astype(np.float32) for hz in (1000, 4500))
    limited_VN = band_limited(np.stack((low_N, high_N, low_N + high_N)), 4000, 16_000)
    inside = slice(500, -500)
    assert np.allclose(limited_VN[0, inside], low_N[inside], atol=2e-3)
    assert np.abs(limited_VN[1, inside]).max() < 2e-3
    # In step with what went in: both sides of a pair stay aligned.
    assert np.allclose(limited_VN[2, inside], low_N[inside], atol=4e-3)


@pytest.mark.parametrize("cut_db", [1.0, 6.0, 20.0])
def test_clipping_is_as_deep_as_told(cut_db: float) -> None:
    cut_N = overdriven(WAV_N, cut_db)
    limit = np.abs(WAV_N).max() * 10 ** (-cut_db / 20)
    assert np.abs(cut_N).max() == pytest.approx(limit, rel=1e-6)
    whole_N = np.abs(WAV_N) <= limit
    assert np.array_equal(cut_N[whole_N], WAV_N[whole_N])
    assert (np.sign(cut_N) == np.sign(WAV_N)).all()


def test_companding_has_few_levels_which_lie_close_where_it_is_soft() -> None:
    coded_N = mulaw(WAV_N)
    assert coded_N.dtype == np.float32
    assert len(np.unique(coded_N)) <= 255
    # Of the order of 38 dB of signal to noise (G.711), whatever the level.
    for level in (1.0, 0.1):
        error_N = mulaw(WAV_N * level) - WAV_N * level
        assert 33 < 10 * np.log10(np.mean((WAV_N * level) ** 2) / np.mean(error_N**2)) < 42
    assert np.array_equal(mulaw(np.array([0, 1, -1], np.float32)), [0, 1, -1])
