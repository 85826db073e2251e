"""When cleaning pays: never worse than leaving the sound alone."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from sonant.audio.resample import resample
from sonant.errors import BundleError
from sonant.runtime.bundle import open_bundle
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.transcribe.enhance import best_threshold, open_enhancer


@pytest.mark.parametrize(
    ("snr_db", "off", "on", "below_db"),
    [
        ([0, 5, 10, 20], [9, 5, 2, 0], [4, 3, 2, 1], 7.5),
        ([0, 5], [1, 1], [1, 1], None),
        ([0, 5], [1, 1], [2, 3], None),
        ([0, 5], [3, 3], [1, 1], 5.5),
        ([5, 5, 10], [9, 0, 0], [0, 4, 4], 7.5),
        ([], [], [], None),
    ],
)
def test_the_ratio_with_the_fewest_errors(
    snr_db: list[float], off: list[int], on: list[int], below_db: float | None
) -> None:
    assert best_threshold(snr_db, off, on) == below_db


def test_it_is_never_worse_than_off() -> None:
    generator = random.Random(0)
    for _ in range(300):
        count = generator.randrange(1, 9)
        snr_db, off, on = (generator.choices(range(5), k=count) for _ in range(3))
        below_db = best_threshold(snr_db, off, on)
        auto = [b if below_db is not None and s < below_db else a for s, a, b in zip(snr_db, off, on, strict=True)]
        assert sum(auto) <= sum(off)
        best = min(
            sum(b if s < at else a for s, a, b in zip(snr_db, off, on, strict=True))
            for at in [-1, 0.5, 1.5, 2.5, 3.5, 9]
        )
        assert sum(auto) == best


def test_an_enhancer_of_another_rate_keeps_length_and_place(enhance_bundle: Path) -> None:
    clean = open_enhancer(str(enhance_bundle))
    wav_N = (0.1 * np.random.default_rng(0).standard_normal(16_001)).astype(np.float32)
    given_N = clean(wav_N)
    assert given_N.shape == wav_N.shape
    engine = EnhanceEngine(open_bundle(enhance_bundle))
    narrow_N = resample(wav_N, 16_000, 4000)
    np.testing.assert_allclose(given_N[:16_000], resample(engine.enhance(narrow_N), 4000, 16_000), atol=1e-6)


def test_what_is_no_enhancer_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="enhances nothing"):
        open_enhancer(str(tiny_bundle))
