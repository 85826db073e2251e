import numpy as np
import pytest

from sonant.metrics.snr import segmental_snr, snr

TARGET = np.random.default_rng(0).standard_normal(16_000)


def test_a_known_ratio_and_the_level_counts() -> None:
    assert snr(1.1 * TARGET, TARGET) == pytest.approx(20)
    assert snr(2 * TARGET, TARGET) == pytest.approx(0)
    assert snr(np.zeros(16_000), TARGET) == pytest.approx(0)
    assert np.isnan(snr(TARGET, np.zeros(16_000)))


def test_frames_are_averaged_in_db_and_clipped() -> None:
    assert segmental_snr(1.1 * TARGET, TARGET, 16_000) == pytest.approx(20)
    assert segmental_snr(TARGET, TARGET, 16_000) == 35
    assert segmental_snr(100 * TARGET, TARGET, 16_000) == -10
    # Half of the time 20 dB, half of it 0 dB; of the frames between, some of each.
    scale = np.where(np.arange(16_000) < 8000, 1.1, 2.0)
    assert segmental_snr(scale * TARGET, TARGET, 16_000) == pytest.approx(10, abs=0.3)
    assert np.isnan(segmental_snr(TARGET[:400], TARGET[:400], 16_000))
    assert np.isnan(segmental_snr(TARGET, np.zeros(16_000), 16_000))
