"""Long recordings through a network that needs them whole: windows that fade into each other, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from sonant.runtime.denoiser import windows

RATE_HZ = 100
Floats = NDArray[np.float32]


def cut(wav_N: Floats, size: int) -> Iterator[Floats]:
    for start in range(0, len(wav_N), size):
        yield wav_N[start : start + size]


class Clean:
    """Adds its number of the call, so that every sample tells which windows it is of."""

    def __init__(self, offset: float = 0.0) -> None:
        self.sizes: list[int] = []
        self._offset = offset

    def __call__(self, wav_N: Floats) -> Floats:
        self.sizes.append(len(wav_N))
        return wav_N + np.float32(self._offset * len(self.sizes))


@pytest.mark.parametrize("seconds", [0.01, 5, 59.99, 60, 60.01, 61, 79, 80, 97.3, 300])
@pytest.mark.parametrize("size", [37, 6100, 100_000])
def test_what_changes_nothing_gives_the_recording(seconds: float, size: int) -> None:
    wav_N = np.random.default_rng(0).standard_normal(round(seconds * RATE_HZ)).astype(np.float32)
    clean = Clean()
    parts = list(windows(cut(wav_N, size), RATE_HZ, clean))
    assert all(map(len, parts))
    np.testing.assert_allclose(np.concatenate(parts), wav_N, atol=1e-6)
    assert max(clean.sizes) <= 60 * RATE_HZ
    assert seconds > 60 or len(clean.sizes) == 1, "what fits goes through whole"


def test_windows_fade_into_each_other() -> None:
    """Windows of 20 s, the next one every 19 s: a second of both, which rises from the one to the other."""
    silence_N = np.zeros(80 * RATE_HZ, np.float32)
    got_N = np.concatenate(list(windows([silence_N], RATE_HZ, Clean(1.0))))
    assert set(got_N[: 19 * RATE_HZ]) == {1.0}
    np.testing.assert_allclose(got_N[1900:2000], np.linspace(1, 2, 100), atol=1e-6)
    assert set(got_N[2000:3800]) == {2.0}
    np.testing.assert_allclose(got_N[3800:3900], np.linspace(2, 3, 100), atol=1e-6)
    assert set(got_N[3900:]) == {3.0}


def test_no_more_is_read_than_is_needed() -> None:
    """Answers come while the recording does: never more than a minute and a piece is waiting."""
    read = given = 0

    def counted() -> Iterator[Floats]:
        nonlocal read
        for piece_N in cut(np.zeros(600 * RATE_HZ, np.float32), 250):
            read += len(piece_N)
            assert read - given <= 60 * RATE_HZ + 2 * 250
            yield piece_N

    for wav_N in windows(counted(), RATE_HZ, Clean()):
        given += len(wav_N)
    assert given == 600 * RATE_HZ


def test_nothing_in_nothing_out() -> None:
    assert list(windows([], RATE_HZ, Clean())) == []
