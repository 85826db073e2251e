"""How loud sound is, in figures that are known."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.runtime.level import SILENT_DBFS, dbfs, level_dbfs, power


def test_known_levels() -> None:
    time_N = np.arange(700_000) / 16_000
    sine_N = np.sin(2 * np.pi * 1000 * time_N).astype(np.float32)
    assert level_dbfs(sine_N) == pytest.approx(-3.01, abs=0.01)
    assert level_dbfs(0.1 * sine_N) == pytest.approx(-23.01, abs=0.01)
    assert level_dbfs(np.ones(10, np.float32)) == 0.0


def test_nothing_is_silent() -> None:
    assert level_dbfs(np.zeros(5, np.float32)) == level_dbfs(np.zeros(0, np.float32)) == SILENT_DBFS
    assert level_dbfs(np.full(5, 1e-30, np.float32)) == SILENT_DBFS


def test_a_level_in_parts_is_that_of_the_whole() -> None:
    wav_N = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    parts = (wav_N[:300], wav_N[300:])
    assert dbfs(sum(map(power, parts)), 1000) == level_dbfs(wav_N)
