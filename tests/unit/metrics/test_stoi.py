import numpy as np
import pytest

from sonant.metrics.stoi import stoi

pystoi = pytest.importorskip("pystoi", reason="needs the extra speech")


def test_it_is_the_packages_and_1_for_a_copy(speech) -> None:
    target = speech(2.0)
    noisy = target + 0.02 * np.random.default_rng(0).standard_normal(target.size)
    for extended in (False, True):
        assert stoi(target, target, 16_000, extended=extended) == pytest.approx(1)
        assert stoi(3 * target, target, 16_000, extended=extended) == pytest.approx(1)
        expected = pystoi.stoi(target, noisy, 16_000, extended=extended)
        assert stoi(noisy, target, 16_000, extended=extended) == pytest.approx(expected)
        assert expected < 0.95


def test_more_noise_is_less_intelligible(speech) -> None:
    target, noise = speech(3.0), np.random.default_rng(0).standard_normal(48_000)
    values = [stoi(target + level * noise, target, 16_000) for level in (0.001, 0.03, 1.0)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.5


def test_what_cannot_be_measured_is_no_number(speech) -> None:
    target = speech(2.0)
    assert np.isnan(stoi(target[:3000], target[:3000], 16_000))
    assert np.isnan(stoi(target, np.zeros_like(target), 16_000))
    # An output of silence is a measurement: nothing can be understood.
    assert stoi(np.zeros_like(target), target, 16_000) == pytest.approx(0, abs=0.05)
