"""WSS against the long way round: one frame and one band after another."""

import numpy as np
import pytest

from sonant.metrics import wss as module
from sonant.metrics.speech_frames import windowed
from sonant.metrics.wss import wss

CENTRES, WIDTHS = module._CENTRE_K, module._WIDTH_K


def bands(frame, rate_hz: int) -> list[float]:
    size = 2 ** int(np.ceil(np.log2(2 * frame.size)))
    power = np.abs(np.fft.fft(frame, size)) ** 2
    found = []
    for centre, width in zip(CENTRES, WIDTHS, strict=True):
        total = 0.0
        for j in range(size // 2):
            place = np.floor(centre / (rate_hz / 2) * (size / 2))
            gain = np.exp(-11 * ((j - place) / (width / (rate_hz / 2) * (size / 2))) ** 2) * WIDTHS[0] / width
            total += power[j] * (gain if gain > np.exp(-30 / 4.606) else 0)
        found.append(10 * np.log10(max(total, 1e-10)))
    return found


def weights(level: list[float]) -> list[float]:
    result = []
    for k in range(24):
        at = k
        if level[k + 1] > level[k]:
            while at < 24 and level[at + 1] > level[at]:
                at += 1
        else:
            while at > 0 and level[at] <= level[at - 1]:
                at -= 1
        result.append(20 / (20 + max(level) - level[k]) / (1 + level[at] - level[k]))
    return result


def test_against_the_long_way(speech) -> None:
    target = speech(0.3)
    estimate = target + 0.003 * np.random.default_rng(1).standard_normal(target.size)
    distances = []
    for frames in zip(windowed(target, 16_000), windowed(estimate, 16_000), strict=True):
        clean, other = (bands(frame, 16_000) for frame in frames)
        weight = np.mean([weights(clean), weights(other)], axis=0)
        distances.append((weight * (np.diff(clean) - np.diff(other)) ** 2).sum() / weight.sum())
    expected = np.mean(np.sort(distances)[: round(0.95 * len(distances))])
    assert wss(estimate, target, 16_000) == pytest.approx(expected, rel=1e-9)


def test_level_does_not_matter_and_noise_does(speech) -> None:
    target, noise = speech(2.0), np.random.default_rng(1).standard_normal(32_000)
    assert wss(target, target, 16_000) == 0
    assert wss(0.1 * target, target, 16_000) == pytest.approx(0, abs=1e-9)
    values = [wss(target + level * noise, target, 16_000) for level in (1e-4, 1e-3, 1e-2, 1e-1)]
    assert values == sorted(values)
    assert 10 < values[-1] < 200


def test_silence(speech) -> None:
    target = speech(1.0)
    assert np.isfinite(wss(np.zeros_like(target), target, 16_000))
    assert np.isnan(wss(target, np.zeros_like(target), 16_000))
    assert np.isnan(wss(target[:100], target[:100], 16_000))
