"""LLR against the long way round: numpy solves the normal equations of every frame."""

import numpy as np
import pytest

from sonant.metrics.llr import llr
from sonant.metrics.speech_frames import windowed


def long_way(estimate, target, rate_hz: int, order: int) -> float:
    distances = []
    for clean, other in zip(windowed(target, rate_hz), windowed(estimate, rate_hz), strict=True):
        lags = [np.array([f[: f.size - k] @ f[k:] for k in range(order + 1)]) for f in (clean, other)]
        for lag in lags:
            lag[0] *= 1 + 1e-9
        own, theirs = (
            np.concatenate(
                ([1.0], -np.linalg.solve(lag[np.abs(np.subtract.outer(range(order), range(order)))], lag[1:]))
            )
            for lag in lags
        )
        matrix = lags[0][np.abs(np.subtract.outer(range(order + 1), range(order + 1)))]
        distances.append(np.log((theirs @ matrix @ theirs) / (own @ matrix @ own)))
    return float(np.mean(np.sort(distances)[: round(0.95 * len(distances))]))


@pytest.mark.parametrize(("rate_hz", "order"), [(8000, 10), (16_000, 16)])
def test_against_the_long_way(speech, rate_hz: int, order: int) -> None:
    target = speech(1.0, rate_hz=rate_hz)
    estimate = target + 0.01 * np.random.default_rng(1).standard_normal(target.size)
    assert llr(estimate, target, rate_hz) == pytest.approx(long_way(estimate, target, rate_hz, order), rel=1e-4)
    assert llr(estimate, target, rate_hz) > 0.3


def test_level_does_not_matter_and_noise_does(speech) -> None:
    target, noise = speech(2.0), np.random.default_rng(1).standard_normal(32_000)
    assert llr(target, target, 16_000) == pytest.approx(0, abs=1e-9)
    assert llr(0.01 * target, target, 16_000) == pytest.approx(0, abs=1e-9)
    values = [llr(target + level * noise, target, 16_000) for level in (1e-4, 1e-3, 1e-2, 1e-1)]
    assert values == sorted(values)


def test_silence(speech) -> None:
    target = speech(1.0)
    target[4000:9000] = 0
    # An output of nothing predicts nothing; where the target is silent, nothing is asked.
    assert 0.5 < llr(np.zeros_like(target), target, 16_000) < 20
    assert llr(target, target, 16_000) == pytest.approx(0, abs=1e-9)
    assert np.isnan(llr(target, np.zeros_like(target), 16_000))
    assert np.isnan(llr(target[:100], target[:100], 16_000))
