"""Bundles that clean pieces before they are recognised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sonant.audio.resample import resample
from sonant.errors import BundleError
from sonant.runtime.bundle import open_bundle
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.transcribe.enhance import open_enhancer


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
