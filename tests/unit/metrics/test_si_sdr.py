import numpy as np
import pytest
import torch

from sonant.losses.si_sdr import si_sdr as loss
from sonant.metrics.si_sdr import HIGHEST_DB, LOWEST_DB, si_sdr, si_sdr_improvement

RANDOM = np.random.default_rng(0)
TARGET = RANDOM.standard_normal(4000)
NOISE = RANDOM.standard_normal(4000)
# What is left of noise when the target and the mean are taken out of it: ratios to it are exact.
TARGET -= TARGET.mean()
NOISE -= NOISE.mean()
NOISE -= NOISE @ TARGET / (TARGET @ TARGET) * TARGET
NOISE *= np.linalg.norm(TARGET) / np.linalg.norm(NOISE)


@pytest.mark.parametrize("ratio_db", [-12.0, 0.0, 7.5, 40.0])
def test_a_known_ratio_at_any_level_and_offset(ratio_db: float) -> None:
    estimate = TARGET + 10 ** (-ratio_db / 20) * NOISE
    for scale, offset in ((1, 0), (-0.01, 0.3), (300, -5)):
        assert si_sdr(scale * estimate + offset, TARGET + 2) == pytest.approx(ratio_db, abs=1e-6)


def test_it_is_what_training_makes_large() -> None:
    for scale in (0.1, 1.0, 3.0):
        pair = TARGET + scale * NOISE + 0.1, TARGET
        expected = loss(*(torch.from_numpy(wave)[None] for wave in pair)).item()
        assert si_sdr(*pair) == pytest.approx(expected, abs=1e-3)


def test_the_improvement_is_over_the_mixture() -> None:
    mix, estimate = TARGET + NOISE, TARGET + 0.1 * NOISE
    assert si_sdr_improvement(estimate, TARGET, mix) == pytest.approx(20, abs=1e-6)
    assert si_sdr_improvement(mix, TARGET, mix) == 0


def test_ends_of_the_scale() -> None:
    assert si_sdr(TARGET, TARGET) == HIGHEST_DB
    assert si_sdr(np.zeros(4000), TARGET) == LOWEST_DB
    assert np.isnan(si_sdr(TARGET, np.zeros(4000)))
